/** The ONNX ops that the compiler knows: name one here, run `npm run generate`, and tsc asks for its record in src/ir/ops. */
export const visionOps = [
  "Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalAveragePool", "GlobalMaxPool",
  "Gemm", "MatMul",
  "BatchNormalization", "LayerNormalization",
  "Relu", "LeakyRelu", "PRelu", "Elu", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Softplus", "Gelu", "Erf", "Softmax", "LogSoftmax",
  "Add", "Sub", "Mul", "Div", "Pow", "Mod", "Neg", "Abs", "Sign", "Sqrt", "Exp", "Log", "Reciprocal", "Sin", "Cos",
  "Equal", "Less", "LessOrEqual", "Greater", "GreaterOrEqual", "And", "Or", "Xor", "Not", "IsNaN", "IsInf",
  "Floor", "Ceil", "Round", "Where", "Clip", "Sum", "Mean", "Max", "Min",
  "ReduceSum", "ReduceMean", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceLogSum", "ReduceLogSumExp",
  "ReduceSumSquare", "ArgMax", "ArgMin",
  "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Expand", "Concat", "Split", "Slice", "Pad",
  "Gather", "GatherElements", "ScatterElements", "Resize",
  "Shape", "Size", "Constant", "ConstantOfShape", "Range", "OneHot", "Identity", "Cast", "Dropout",
] as const;

/** Data sets, transforms and loaders. */

export type { Batch, BatchLoader } from "./batch-loader.ts";
export { type Columns, columnsDataset, gatherRows } from "./columns.ts";
export { type Dataset, type Field, mapInputs, type Rows, renameFields, splitDataset, subset, type Transform } from "./dataset.ts";
export { readIdx, readIdxFile } from "./idx.ts";
export { type ImageOptions, loadImage, loadPixels, type Pixels, stackImages } from "./image.ts";
export { type ImageFolderOptions, imageFolder } from "./image-folder.ts";
export { type DatasetLoader, type LoaderOptions, loader } from "./loader.ts";
export { type MnistOptions, type MnistSplit, mnist } from "./mnist.ts";
export { type ChannelStatistics, imagenetStatistics, mnistStatistics, normalize } from "./normalize.ts";
export { readNpy, readNpyFile } from "./npy.ts";
export { type Purpose, permutation } from "./permutation.ts";
export { classesMetadata, type Preprocess, preprocessMetadata, readClasses, readPreprocess } from "./preprocess.ts";

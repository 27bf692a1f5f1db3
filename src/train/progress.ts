/** Progress of a training run: a bar on a terminal, a line per epoch elsewhere. */
import { createRequire } from "node:module";
import type cliProgress from "cli-progress";
import pc from "picocolors";
import type { BatchEvent, EpochRecord, EvaluatedBatch, FitOptions } from "../runtime/index.ts";
import { accuracyOf } from "./scores.ts";

/** The callbacks of `fit` that show its progress. */
export interface TrainingProgress extends Required<Pick<FitOptions, "onBatch" | "onValidationBatch" | "onEpoch">> {
  /** Ends the bar, so that other text can be written; also after a run that failed. */
  stop(): void;
}

/** Progress on standard error. */
export function trainingProgress(): TrainingProgress {
  const stream = process.stderr;
  return stream.isTTY === true ? bars(stream) : lines(stream);
}

/** What has been done since when, for rates: time spent on validation does not count. */
interface Meter {
  images: number;
  /** Seconds of training. */
  seconds: number;
  last: number | null;
}
function advance(meter: Meter, images: number): void {
  const now = performance.now();
  // The first step compiles kernels and allocates: it says nothing about speed.
  if (meter.last !== null) {
    meter.seconds += (now - meter.last) / 1000;
    meter.images += images;
  }
  meter.last = now;
}
const rateOf = ({ images, seconds }: Meter): number => (seconds === 0 ? 0 : images / seconds);

const percent = (part: number): string => `${(100 * part).toFixed(1)} %`;
const grouped = (n: number): string => String(Math.round(n)).replace(/\B(?=(\d{3})+(?!\d))/g, " ");
/** 75 seconds as 1:15. */
export function clock(seconds: number): string {
  const whole = Math.max(0, Math.round(seconds));
  const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
  return h > 0 ? `${h}:${String(m).padStart(2, "0")}:${String(s).padStart(2, "0")}` : `${m}:${String(s).padStart(2, "0")}`;
}

/** One line on an epoch: `epoch 1/3  loss 0.212  accuracy 93.6 %  validation loss 0.071  accuracy 97.8 %  9 310 images/s`. */
function epochLine({ epoch, train, validation }: EpochRecord, epochs: number, meter: Meter): string {
  const scored = (scores: typeof train): string => {
    const accuracy = accuracyOf(scores);
    return `loss ${scores.loss.toPrecision(3)}${accuracy === null ? "" : `  accuracy ${percent(accuracy)}`}`;
  };
  const rate = rateOf(meter);
  return [
    `epoch ${epoch}/${epochs}`,
    scored(train),
    ...(validation === null ? [] : [`validation ${scored(validation)}`]),
    ...(rate === 0 ? [] : [`${grouped(rate)} images/s`]),
  ].join("  ");
}

function lines(stream: NodeJS.WriteStream): TrainingProgress {
  const meter: Meter = { images: 0, seconds: 0, last: null };
  let epochs = 0;
  return {
    onBatch(event) {
      epochs = event.epochs;
      advance(meter, event.size);
    },
    onValidationBatch() {
      meter.last = null;
    },
    onEpoch(record) {
      meter.last = null;
      stream.write(`${epochLine(record, epochs, meter)}\n`);
    },
    stop() {},
  };
}

const barWidth = 30;
function drawn(part: number): string {
  const colors = pc.createColors(process.env["NO_COLOR"] === undefined || process.env["NO_COLOR"] === "");
  const full = Math.floor(part * barWidth);
  return `${colors.cyan("━".repeat(full))}${colors.dim("━".repeat(barWidth - full))}`;
}

/** What draws bars is loaded when there is one to draw. */
function bars(stream: NodeJS.WriteStream): TrainingProgress {
  const meter: Meter = { images: 0, seconds: 0, last: null };
  let text = "";
  let epochs = 0;
  const { SingleBar }: typeof cliProgress = createRequire(import.meta.url)("cli-progress");
  const bar = new SingleBar({ stream, hideCursor: true, clearOnComplete: true, fps: 10, linewrap: null, format: () => text });
  const show = (value: number, total: number): void => {
    if (bar.isActive) bar.setTotal(total);
    else bar.start(total, value);
    bar.update(value);
  };
  return {
    onBatch(event) {
      epochs = event.epochs;
      advance(meter, event.size);
      text = batchText(event, meter);
      show(event.batch, event.batchesPerEpoch);
    },
    onValidationBatch({ batch, batches }: EvaluatedBatch) {
      meter.last = null;
      text = `validation ${drawn(batch / batches)} ${Math.floor((100 * batch) / batches)} %`;
      show(batch, batches);
    },
    onEpoch(record) {
      meter.last = null;
      bar.stop();
      stream.write(`${epochLine(record, epochs, meter)}\n`);
    },
    stop: () => bar.stop(),
  };
}

function batchText({ epoch, epochs, batch, batchesPerEpoch, size, scores }: BatchEvent, meter: Meter): string {
  const part = batch / batchesPerEpoch;
  const rate = rateOf(meter);
  const accuracy = accuracyOf(scores);
  const batchesLeft = (epochs - epoch) * batchesPerEpoch + batchesPerEpoch - batch;
  return [
    `epoch ${epoch}/${epochs} ${drawn(part)} ${Math.floor(100 * part)} %`,
    `loss ${scores.loss.toPrecision(3)}`,
    ...(accuracy === null ? [] : [`accuracy ${percent(accuracy)}`]),
    ...(rate === 0 ? [] : [`${grouped(rate)} images/s`, `${clock((batchesLeft * size) / rate)} left`]),
  ].join("  ");
}

/** A folder with one folder of images per class. */
import { type Dirent, readdirSync } from "node:fs";
import { extname, join } from "node:path";
import { userError } from "../ir/diagnostic.ts";
import { nowhere } from "../ir/location.ts";
import { type Dataset, mapInputs, type Transform } from "./dataset.ts";
import { type ImageOptions, loadImage, stackImages } from "./image.ts";
import { reasonOf } from "./read-file.ts";

/** How the images of a folder are read. */
export interface ImageFolderOptions extends ImageOptions {
  /** "none", or absent, gives uint8 pixels. */
  readonly transform?: "none" | Transform;
  /** The classes to number, when another folder has set them: folders of other names are an error. */
  readonly classes?: readonly string[];
}

const extensions: ReadonlySet<string> = new Set([".png", ".jpg", ".jpeg", ".webp", ".gif", ".tif", ".tiff", ".avif"]);

/**
 * The images under `folder/CLASS/...`: inputs `input` uint8[channels, height, width], targets `target` int64[], classes numbered by
 * name, images ordered by path (torchvision's ImageFolder). Throws a CompileError when there are none.
 */
export function imageFolder(folder: string, options: ImageFolderOptions): Dataset {
  const found = entriesOf(folder)
    .filter((e) => e.isDirectory())
    .map((e) => e.name);
  const classes = options.classes ?? found;
  if (found.length === 0) {
    throw userError("image-folder", `${folder}: it has no folders`, nowhere, { help: "make one folder per class, with its images inside" });
  }
  const unknown = found.filter((name) => !classes.includes(name));
  if (unknown.length > 0) {
    throw userError("image-folder", `${folder}: no such class: ${unknown.join(", ")}; there are ${classes.join(", ")}`, nowhere);
  }
  const examples = classes.flatMap((name, label) =>
    found.includes(name) ? imagesUnder(join(folder, name)).map((path) => ({ path, label })) : [],
  );
  const empty = found.filter((name) => !examples.some((e) => classes[e.label] === name));
  if (empty.length > 0) {
    throw userError("image-folder", `${folder}: no images in ${empty.join(", ")}`, nowhere, {
      help: `files ending in ${[...extensions].join(", ")} are read`,
    });
  }
  const dataset = datasetOf(folder, examples, classes, options);
  return options.transform === undefined || options.transform === "none" ? dataset : mapInputs(dataset, options.transform);
}

interface Example {
  readonly path: string;
  readonly label: number;
}

function datasetOf(folder: string, examples: readonly Example[], classes: readonly string[], options: ImageOptions): Dataset {
  return {
    name: folder,
    length: examples.length,
    classes,
    inputs: { input: { dtype: "uint8", shape: [options.channels, options.height, options.width] } },
    targets: { target: { dtype: "int64", shape: [] } },
    async read(rows) {
      const chosen = rows.flatMap((row) => examples[row] ?? []);
      if (chosen.length !== rows.length) throw new RangeError(`${folder} has ${examples.length} images: not all rows asked for are there`);
      const images = await Promise.all(chosen.map((e) => loadImage(e.path, options)));
      const labels = BigInt64Array.from(chosen, (e) => BigInt(e.label));
      return { inputs: { input: stackImages(images) }, targets: { target: { dtype: "int64", shape: [chosen.length], data: labels } } };
    },
  };
}

/** The entries of a folder by name, hidden ones left out. */
function entriesOf(folder: string): readonly Dirent[] {
  try {
    const entries = readdirSync(folder, { withFileTypes: true }).filter((e) => !e.name.startsWith("."));
    return entries.sort((a, b) => (a.name < b.name ? -1 : 1));
  } catch (error) {
    throw userError("image-folder", `${folder}: cannot read it: ${reasonOf(error)}`, nowhere);
  }
}

/** All images in a folder and the folders in it; links are not followed, so that the walk ends. */
function imagesUnder(folder: string): readonly string[] {
  return entriesOf(folder).flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return imagesUnder(path);
    return extensions.has(extname(entry.name).toLowerCase()) ? [path] : [];
  });
}

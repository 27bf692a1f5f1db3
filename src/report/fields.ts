/** What the middle of a feature map sees, drawn over a picture. */
import { type Html, html } from "./html.ts";
import type { Section } from "./page.ts";
import { type Picture, pictureUri } from "./picture.ts";

/** What one position of a value sees of the input. */
export interface FieldBox {
  readonly value: string;
  /** The value's type. */
  readonly type: string;
  /** In words: "427x427, stride 32". */
  readonly field: string;
  /** In pixels of the input; negative in the padding. */
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  /** True where it is all of an axis, wherever one looks from. */
  readonly isWhole: boolean;
}
/** The boxes and what they lie on. */
export interface ShownFields {
  /** The name and the size of the input in pixels. */
  readonly input: string;
  readonly width: number;
  readonly height: number;
  /** What they are drawn over; a picture of our own when null. */
  readonly picture: Picture | null;
  /** From the smallest to the largest. */
  readonly boxes: readonly FieldBox[];
}

/** The picture with the boxes, and what each of them is. */
export async function fieldsSection(fields: ShownFields | null): Promise<Section | null> {
  if (fields === null || fields.boxes.length === 0) return null;
  const { width, height, boxes, input } = fields;
  // What lies in the padding is shown, however far it goes, up to the picture's own size on each side.
  const left = Math.max(-width, Math.min(0, ...boxes.map((b) => b.left)));
  const top = Math.max(-height, Math.min(0, ...boxes.map((b) => b.top)));
  const right = Math.min(2 * width, Math.max(width, ...boxes.map((b) => b.left + b.width)));
  const bottom = Math.min(2 * height, Math.max(height, ...boxes.map((b) => b.top + b.height)));
  const unit = (right - left) / 420;
  const hue = (i: number): string => `--at:${boxes.length < 2 ? 0 : Math.round((100 * i) / (boxes.length - 1))}%`;
  const rect = (b: FieldBox, i: number): Html =>
    html`<rect class="field-box${b.isWhole ? " whole" : ""}" data-box="${i}" style="${hue(i)}" x="${b.left}" y="${b.top}" width="${b.width}" height="${b.height}" rx="${2 * unit}" stroke-width="${2 * unit}"/>`;
  const row = (b: FieldBox, i: number): Html =>
    html`<li><button type="button" data-lights="${i}" aria-pressed="false" style="${hue(i)}"><span class="swatch"></span><b>${b.value}</b><span class="type">${b.type}</span><span class="sees">${b.field}</span></button></li>
`;
  const address = fields.picture === null ? null : await pictureUri(fields.picture, "webp");
  const body = html`<p>What the middle position of each feature map sees of <code>${input}</code>, ${height} x ${width} pixels. Around the picture lies the padding.</p>
<div class="fields"><svg viewBox="${left - 8 * unit} ${top - 8 * unit} ${right - left + 16 * unit} ${bottom - top + 16 * unit}" role="img" aria-label="Receptive fields over a picture">
<rect class="padding" x="${left}" y="${top}" width="${right - left}" height="${bottom - top}"/>
${address === null ? landscape(width, height) : html`<image href="${address}" width="${width}" height="${height}" preserveAspectRatio="xMidYMid slice"/>`}
${boxes.map(rect).toReversed()}</svg>
<ul>${boxes.map(row)}</ul></div>`;
  return { id: "receptive-fields", title: "Receptive fields", body, scripts: ["light-up"] };
}

/** A picture of our own: hills, a tree and a sun, so that sizes can be seen against something. */
function landscape(width: number, height: number): Html {
  return html`<svg width="${width}" height="${height}" viewBox="0 0 224 224" preserveAspectRatio="xMidYMid slice">
<defs><linearGradient id="sky" x1="0" y1="0" x2="0" y2="1"><stop offset="0" stop-color="#6d93c8"/><stop offset="0.62" stop-color="#f1d9bf"/></linearGradient></defs>
<rect width="224" height="224" fill="url(#sky)"/><circle cx="164" cy="78" r="22" fill="#fbe6b5"/>
<path d="M0 138C38 104 62 110 92 128S158 150 224 96V224H0Z" fill="#7f9c8b"/>
<path d="M0 168C44 140 96 150 128 160S190 170 224 146V224H0Z" fill="#56796a"/>
<path d="M0 196C60 176 130 190 224 180V224H0Z" fill="#365446"/>
<path d="M108 172V118h6V172Z" fill="#4b3a2c"/><circle cx="111" cy="104" r="24" fill="#2f5d46"/><circle cx="95" cy="114" r="15" fill="#376a50"/><circle cx="128" cy="113" r="16" fill="#28513d"/>
<path d="M36 178V154L52 140 68 154V178Z" fill="#d8cbb6"/><path d="M31 156 52 136 73 156Z" fill="#9a4a3c"/><path d="M47 178V163H57V178Z" fill="#5b4636"/>
</svg>`;
}

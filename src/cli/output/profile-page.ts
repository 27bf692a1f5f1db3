/** `--html`: a profile as a page. */
import { printType } from "../../ir/graph.ts";
import { printLocation } from "../../ir/location.ts";
import { scopeLabel, scopePath } from "../../ir/scope-names.ts";
import { type FlameBox, renderProfileReport } from "../../report/index.ts";
import type { MachineRoofs, ModelProfile } from "../../runtime/index.ts";
import { version } from "../../version.ts";
import type { MeasuredModel } from "../input/measured-model.ts";
import { type ProfiledKernel, type ProfileRow, roofPlace } from "./profile-rows.ts";

/** What the page shows. */
export interface PageContents {
  readonly model: MeasuredModel;
  readonly profile: ModelProfile;
  readonly kernels: readonly ProfiledKernel[];
  readonly rows: readonly ProfileRow[];
  readonly roofs: MachineRoofs | null;
}

/** The page. */
export function profilePage({ model, profile, kernels, rows, roofs }: PageContents): Promise<string> {
  const ports = model.inputs.map((input) => `${input.name} ${printType(input.type)}`).join(", ");
  const inKernels = kernels.reduce((sum, { microseconds }) => sum + microseconds, 0);
  const flops = kernels.reduce((sum, kernel) => sum + (kernel.flops ?? 0), 0);
  return renderProfileReport({
    title: model.name,
    subtitle: `${model.mode}, ${ports}`,
    figures: [
      { label: "a run", value: milliseconds(profile.wall) },
      { label: "in kernels", value: milliseconds(inKernels) },
      { label: "around them", value: milliseconds(profile.wall - inKernels) },
      { label: "kernels", value: String(kernels.length) },
      { label: "GFLOP/s over the run", value: (flops / profile.wall / 1000).toFixed(1) },
      ...(roofs === null ? [] : [{ label: "GFLOP/s at most", value: (roofs.flops / 1e9).toFixed(1) }]),
    ],
    flame: flameOf(profile, kernels, roofs, model.mode === "training"),
    roofs,
    points: kernels.flatMap((kernel) => {
      const own = { ...kernel, flops: kernel.flops ?? 0 };
      const place = roofPlace(own, roofs);
      if (place === null) return [];
      return [{ ...place, flops: own.flops / (kernel.microseconds / 1e6), share: kernel.microseconds / profile.wall }];
    }),
    lines: rows,
    footer: `striate ${version}; the mean of ${profile.runs.length} runs`,
  });
}
const milliseconds = (microseconds: number): string => `${(microseconds / 1000).toFixed(2)} ms`;

/** A box that is being made: its parts by their names. */
interface Draft {
  readonly name: string;
  microseconds: number;
  flops: number;
  bytes: number;
  detail: string;
  readonly parts: Map<string, Draft>;
}
const newDraft = (name: string): Draft => ({ name, microseconds: 0, flops: 0, bytes: 0, detail: "", parts: new Map() });

function flameOf(profile: ModelProfile, kernels: readonly ProfiledKernel[], roofs: MachineRoofs | null, hasPhases: boolean): FlameBox {
  const root = newDraft("a run");
  for (const kernel of kernels) {
    let [draft, path] = [root, ""];
    grow(draft, kernel);
    for (const part of pathOf(kernel, hasPhases)) {
      path += `\n${part}`;
      const next = draft.parts.get(path) ?? newDraft(part);
      draft.parts.set(path, next);
      draft = next;
      grow(draft, kernel);
    }
    const line = kernel.location === null ? "" : printLocation(kernel.location);
    draft.detail = line;
  }
  const { parts } = finished(root, roofs);
  const around = (name: string, microseconds: number): FlameBox => ({ name, microseconds, bound: "none", detail: "", parts: [] });
  return {
    name: "a run",
    microseconds: profile.wall,
    bound: "none",
    detail: "",
    parts: [...parts, around("between kernels", profile.between), around("tensors in and out", profile.outside)],
  };
}
function pathOf({ phase, layer, op, isReorder }: ProfiledKernel, hasPhases: boolean): readonly string[] {
  if (phase === null) return [isReorder ? "changes of layout" : "onnxruntime's own", op];
  const scopes = scopePath(layer);
  return [...(hasPhases ? [phase] : []), ...scopes.map((scope, i) => scopeLabel(scope, scopes[i - 1])), op];
}
function grow(draft: Draft, kernel: ProfiledKernel): void {
  draft.microseconds += kernel.microseconds;
  draft.flops += kernel.flops ?? 0;
  draft.bytes += kernel.bytes;
}
function finished(draft: Draft, roofs: MachineRoofs | null): FlameBox {
  const { name, microseconds, flops, detail } = draft;
  const place = roofPlace(draft, roofs);
  const rate = flops > 0 && microseconds > 0 ? `${(flops / microseconds / 1000).toFixed(1)} GFLOP/s` : "";
  const reached = place === null ? "" : `${(100 * place.reached).toFixed(0)} % of the ${place.bound} roof`;
  return {
    name,
    microseconds,
    bound: place?.bound ?? "none",
    detail: [rate, reached, detail].filter((text) => text !== "").join(", "),
    parts: [...draft.parts.values()].map((part) => finished(part, roofs)),
  };
}

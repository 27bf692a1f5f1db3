/** Names of nodes read as paths of scopes. */

/** Names may come from anywhere: what lies deeper is one name. */
const deepest = 16;

/**
 * The scopes that a name names, each whole, and the name itself: `layer1`, `layer1.0`, `layer1.0.conv1`. Dots separate, and the slash
 * before the op of a layer of several nodes, `mlp.0/MatMul`. In names that begin with a slash or have several, as other tools write them,
 * slashes alone do: `/layer1/layer1.0/conv1`.
 */
export function scopePath(name: string): readonly string[] {
  const separators = name.indexOf("/") === 0 || name.indexOf("/") !== name.lastIndexOf("/") ? "/" : "./";
  const ends = Array.from({ length: name.length }, (_, i) => i).flatMap((i) => (i > 0 && separators.includes(name.charAt(i)) ? [i] : []));
  return [...ends.slice(0, deepest).map((end) => name.slice(0, end)), name];
}

/** A name without that of the scope around it, and without what PyTorch's exporter repeats of it: `/layer1/layer1.0` is `0`. */
export function scopeLabel(name: string, parent: string | undefined): string {
  const own = parent === undefined ? name.replace(/^\//, "") : name.slice(parent.length + 1);
  const outer = parent?.split("/").at(-1) ?? "";
  return outer !== "" && own.startsWith(`${outer}.`) ? own.slice(outer.length + 1) : own;
}

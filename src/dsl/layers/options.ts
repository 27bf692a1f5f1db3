/** Options of layers, with their defaults. */

/**
 * The options with defaults for those that are absent. Sound because a `Checked` option is the option, or an error that never
 * runs; where types were cast away, the layer's checks look at the values.
 */
export function settings<T extends object>(options: object, defaults: T): T {
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  return { ...defaults, ...Object.fromEntries(given) } as T;
}

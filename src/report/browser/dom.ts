/** The part of the browser that the page's scripts use. The types of all of it would stand in every file of a program for Node. */

/** An element. */
export interface El {
  readonly classList: { add(name: string): void; remove(name: string): void; toggle(name: string, on: boolean): void };
  readonly style: { setProperty(name: string, value: string): void };
  readonly dataset: Readonly<Record<string, string | undefined>>;
  readonly children: ArrayLike<El> & Iterable<El>;
  readonly clientWidth: number;
  readonly clientHeight: number;
  textContent: string;
  value: string;
  scrollLeft: number;
  scrollTop: number;
  hidden: boolean;
  append(...children: readonly (El | string)[]): void;
  replaceChildren(...children: readonly (El | string)[]): void;
  setAttribute(name: string, value: string): void;
  getAttribute(name: string): string | null;
  querySelector(selector: string): El | null;
  querySelectorAll(selector: string): Iterable<El>;
  closest(selector: string): El | null;
  focus(options?: { readonly preventScroll: boolean }): void;
  getBoundingClientRect(): { readonly left: number; readonly top: number };
  setPointerCapture(pointer: number): void;
  addEventListener(type: string, listen: (event: UserEvent) => void, options?: { readonly passive: boolean }): void;
}
/** What a key, a pointer or a wheel did. */
export interface UserEvent {
  readonly key: string;
  readonly target: El;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly button: number;
  readonly buttons: number;
  readonly pointerId: number;
  readonly pointerType: string;
  readonly clientX: number;
  readonly clientY: number;
  readonly deltaY: number;
  preventDefault(): void;
}
/** The document. */
export interface Page {
  querySelectorAll(selector: string): Iterable<El>;
  createElement(tag: string): El;
  createElementNS(namespace: string, tag: string): El;
}

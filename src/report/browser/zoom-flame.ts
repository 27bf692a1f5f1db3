/** A flame chart whose boxes fill its width when they are pressed. */
import type { El, Page } from "./dom.ts";

declare const document: Page;

for (const flame of document.querySelectorAll(".flame")) {
  const boxes = [...flame.querySelectorAll("button")];
  const told = [...document.querySelectorAll(".flame-told")][0];
  const tell = (box: El): void => {
    if (told !== undefined) told.textContent = box.getAttribute("title") ?? "";
  };
  const zoom = (box: El | undefined): void => {
    const [, from = "0", size = "1"] = /--from:([\d.]+);--size:([\d.]+)/.exec(box?.getAttribute("style") ?? "") ?? [];
    // A box of no time has no width to fill.
    if (Number(size) <= 0) return;
    flame.style.setProperty("--zoom-from", from);
    flame.style.setProperty("--zoom-size", size);
  };
  for (const box of boxes) {
    box.addEventListener("click", () => zoom(box));
    for (const type of ["pointerenter", "focus"]) box.addEventListener(type, () => tell(box));
  }
  flame.addEventListener("keydown", ({ key }) => {
    if (key === "Escape") zoom(boxes[0]);
  });
}

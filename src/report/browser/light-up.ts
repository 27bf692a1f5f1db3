/** Buttons that light up a box of the picture beside them, while they are pointed at or focused; a press keeps it lit. */
import type { El, Page } from "./dom.ts";

declare const document: Page;

for (const list of document.querySelectorAll(".fields")) {
  const boxes = [...list.querySelectorAll("[data-box]")];
  const buttons = [...list.querySelectorAll("[data-lights]")];
  let kept: El | null = null;
  const light = (button: El | null): void => {
    list.classList.toggle("lit", button !== null);
    for (const box of boxes) box.classList.toggle("on", button !== null && box.dataset["box"] === button.dataset["lights"]);
  };
  for (const button of buttons) {
    for (const type of ["pointerenter", "focus"]) button.addEventListener(type, () => light(button));
    for (const type of ["pointerleave", "blur"]) button.addEventListener(type, () => light(kept));
    button.addEventListener("click", () => {
      kept = kept === button ? null : button;
      for (const other of buttons) other.setAttribute("aria-pressed", String(other === kept));
      light(kept);
    });
  }
}

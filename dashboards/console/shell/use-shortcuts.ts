// The keyboard of the page.
// In: what each key does. Out: nothing; keys are listened to while the page is mounted.
// Bounds: never while the reader types, and never with a modifier key (but Ctrl or ⌘ with K finds).
import { useEffect, useRef } from "react";

/** What keys do; the names are those of `KeyboardEvent.key`. A key returns false when it did nothing here. */
export type Shortcuts = Readonly<Record<string, () => boolean | void>>;

const TYPING = "input, textarea, select, [contenteditable='true']";

/** Moves the focus along the visible list; false when there is none. */
export function moveInList(step: 1 | -1): boolean {
  const items = [...document.querySelectorAll<HTMLElement>("[data-list-item]")].filter(
    (item) => item.offsetParent !== null,
  );
  if (items.length === 0) return false;
  const at = items.findIndex((item) => item === document.activeElement);
  const next = at === -1 ? (step === 1 ? 0 : items.length - 1) : Math.min(items.length - 1, Math.max(0, at + step));
  items[next]?.focus();
  items[next]?.scrollIntoView({ block: "nearest" });
  return true;
}

/** Listens to the page's shortcuts. */
export function useShortcuts(shortcuts: Shortcuts): void {
  const latest = useRef(shortcuts);
  latest.current = shortcuts;
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      if (event.defaultPrevented || event.isComposing) return;
      // A dialog has its own keys, and closes itself by Escape.
      if (document.querySelector("[role='dialog']") !== null) return;
      const isFind = event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey);
      if (!isFind && (event.ctrlKey || event.metaKey || event.altKey)) return;
      const isTyping = event.target instanceof Element && event.target.closest(TYPING) !== null;
      if (isTyping && !isFind && event.key !== "Escape") return;
      const action = latest.current[isFind ? "/" : event.key];
      if (action === undefined || action() === false) return;
      event.preventDefault();
    };
    document.addEventListener("keydown", onKey);
    return () => document.removeEventListener("keydown", onKey);
  }, []);
}

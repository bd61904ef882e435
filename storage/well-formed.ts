// Text that storage takes: JSON and cutting can leave half a character, which is no UTF-8.
// In: a JavaScript string. Out: the same of whole characters. Bounds: what is half becomes U+FFFD.

/** The text with half characters replaced. */
export function wellFormed(text: string): string {
  return text.replace(/\p{Surrogate}/gu, "\ufffd");
}

// The types of the word catalogues, and filling of placeholders.
// In: a catalogue, a key, values. Out: text, or text in pieces where a value is more than text.
// Bounds: a missing key or placeholder is a compile error; nothing is looked up at run time that the types do not know.
import type { EN } from "./en.ts";

/** Every key of the catalogues. */
export type Key = keyof typeof EN;
/** A language: exactly the keys of English. */
export type Catalogue = Readonly<Record<Key, string>>;

type Placeholders<Text extends string> = Text extends `${string}{${infer Name}}${infer Rest}`
  ? Name | Placeholders<Rest>
  : never;
/** The placeholders of a key's English text. */
export type PlaceholdersOf<K extends Key> = Placeholders<(typeof EN)[K]>;
/** Arguments after the key: the values, or nothing where the text has no placeholder. */
export type Values<K extends Key, Value> = [PlaceholdersOf<K>] extends [never]
  ? []
  : [values: Readonly<Record<PlaceholdersOf<K>, Value>>];

/** Keys with plural forms, named without their ending. */
export type PluralKey = Key extends infer K ? (K extends `${infer Stem}_one` ? Stem : never) : never;

/** Text in pieces: literal text and filled-in values in turn. */
export function fillPieces<Value>(text: string, values: Readonly<Record<string, Value>>): (string | Value)[] {
  return text
    .split(/(\{\w+\})/)
    .filter((piece) => piece !== "")
    .map((piece) => (piece.startsWith("{") ? (values[piece.slice(1, -1)] ?? piece) : piece));
}

/** Text with its placeholders filled in. */
export function fillText(text: string, values: Readonly<Record<string, string>>): string {
  return fillPieces(text, values).join("");
}

/** The names of the placeholders in a text, sorted. */
export function placeholdersIn(text: string): string[] {
  return [...text.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!).toSorted();
}

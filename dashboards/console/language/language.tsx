// The reader's language for every component.
// In: the chosen locale. Out: by hook: words (`t`), plurals (`tn`), words in pieces (`pieces`), figures and names.
// Bounds: two locales; the catalogues are part of the bundle, so changing the language needs no request.
import { createContext, type ReactNode, useContext, useEffect, useMemo } from "react";
import type { Entity } from "../api/types.ts";
import { type Catalogue, fillPieces, fillText, type Key, type PluralKey, type Values } from "./catalogue.ts";
import { EN } from "./en.ts";
import { type Formats, makeFormats } from "./format.ts";
import { nameOf } from "./names.ts";
import { ZH } from "./zh.ts";

/** The locales, by the value of `lang` in the URL. */
export const LANGUAGES = { en: { words: EN, locale: "en" }, zh: { words: ZH, locale: "zh-CN" } } as const;
export type LanguageCode = keyof typeof LANGUAGES;

/** What the language hook gives. */
export interface Language {
  readonly code: LanguageCode;
  readonly t: <K extends Key>(key: K, ...values: Values<K, string>) => string;
  readonly tn: (key: PluralKey, count: number) => string;
  readonly pieces: <K extends Key>(key: K, ...values: Values<K, ReactNode>) => ReactNode[];
  readonly format: Formats;
  readonly name: (entity: Entity) => string;
}

function makeLanguage(code: LanguageCode): Language {
  const words: Catalogue = LANGUAGES[code].words;
  const { locale } = LANGUAGES[code];
  // The reader's own variety of the language, so that a date looks as at home.
  const home = navigator.languages.find((one) => one.toLowerCase().startsWith(code));
  const format = makeFormats(code, home ?? locale);
  const plurals = new Intl.PluralRules(locale);
  return {
    code,
    t: (key, ...values) => fillText(words[key], values[0] ?? {}),
    tn: (key, count) => {
      const form = plurals.select(count) === "one" ? "one" : "other";
      return fillText(words[`${key}_${form}`], { count: format.count(count) });
    },
    pieces: (key, ...values) => fillPieces<ReactNode>(words[key], values[0] ?? {}),
    format,
    name: (entity) => nameOf(entity, words),
  };
}

const LanguageContext = createContext<Language>(makeLanguage("en"));

/** Gives its children the language, and tells the browser which it is. */
export function LanguageProvider({ code, children }: { code: LanguageCode; children: ReactNode }): ReactNode {
  const language = useMemo(() => makeLanguage(code), [code]);
  useEffect(() => {
    document.documentElement.lang = LANGUAGES[code].locale;
  }, [code]);
  return <LanguageContext value={language}>{children}</LanguageContext>;
}

/** The reader's language. */
export function useLanguage(): Language {
  return useContext(LanguageContext);
}

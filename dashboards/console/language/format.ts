// Figures and times as people read them, in their language and time zone.
// In: numbers in the unit of the name, RFC 3339 times. Out: short text; a missing figure is null and stays with the caller.
// Bounds: at most three significant digits; formatters are made once a locale, for making one is slow.

/** Formatters of one locale. */
export interface Formats {
  readonly count: (value: number) => string;
  readonly rate: (perSecond: number) => string;
  readonly ratio: (ratio: number) => string;
  /** A probability; never a full 100 %, for nothing that was inferred is certain. */
  readonly confidence: (probability: number) => string;
  readonly latency: (ms: number) => string;
  readonly weight: (nats: number) => string;
  readonly duration: (seconds: number) => string;
  readonly clock: (time: string | number) => string;
  readonly moment: (time: string | number) => string;
  readonly zone: string;
}

const UNITS = {
  en: { second: " s", minute: " min", hour: " h", day: " d" },
  zh: { second: " 秒", minute: " 分", hour: " 小时", day: " 天" },
} as const;

/** Makes the formatters of a language in a locale of it; `timeZone` is that of the reader unless given. */
export function makeFormats(language: keyof typeof UNITS, locale: string, timeZone?: string): Formats {
  const zone = timeZone === undefined ? {} : { timeZone };
  const count = new Intl.NumberFormat(locale, { maximumFractionDigits: 0 });
  const short = new Intl.NumberFormat(locale, { maximumSignificantDigits: 3 });
  const compact = new Intl.NumberFormat("en", { notation: "compact", maximumSignificantDigits: 3 });
  const weight = new Intl.NumberFormat(locale, {
    minimumFractionDigits: 1,
    maximumFractionDigits: 1,
    signDisplay: "exceptZero",
  });
  const clock = new Intl.DateTimeFormat(locale, { timeStyle: "medium", hourCycle: "h23", ...zone });
  const moment = new Intl.DateTimeFormat(locale, {
    dateStyle: "medium",
    timeStyle: "medium",
    hourCycle: "h23",
    ...zone,
  });
  const units = UNITS[language];
  return {
    count: (value) => count.format(value),
    rate: (value) => (value >= 1000 ? compact.format(value) : short.format(value)),
    ratio: (value) => {
      const percent = value * 100;
      if (percent > 0 && percent < 0.1) return "<0.1%";
      if (percent < 10) return `${short.format(Math.round(percent * 10) / 10)}%`;
      return `${count.format(percent)}%`;
    },
    confidence: (probability) => (probability > 0.99 ? ">99%" : `${count.format(probability * 100)}%`),
    latency: (ms) => (ms >= 1000 ? `${short.format(ms / 1000)} s` : `${short.format(ms)} ms`),
    weight: (nats) => weight.format(nats).replace("-", "−"),
    duration: (seconds) => {
      const whole = Math.max(0, Math.round(seconds));
      if (whole < 120) return `${whole}${units.second}`;
      if (whole < 7200) return `${Math.round(whole / 60)}${units.minute}`;
      if (whole < 172_800) return `${Math.round(whole / 3600)}${units.hour}`;
      return `${Math.round(whole / 86_400)}${units.day}`;
    },
    clock: (time) => clock.format(new Date(time)),
    moment: (time) => moment.format(new Date(time)),
    zone: moment.resolvedOptions().timeZone,
  };
}

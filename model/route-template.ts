// Route templates: `/cart/u54?x=1` → `/cart/{id}`, so that an operation is a place and not a request.
// In: a URL or path as UTF-8 bytes (or text). Out: the template's bytes, written in place without building strings.
// Bounds: no scheme, host, query or fragment; at most 8 segments and 120 bytes, then `/*`; a segment is an identifier when it is a number,
// a UUID, a long hex or mixed word, an upper-case code, an email, or a short prefix with a number; API versions such as `v2` stay, and so
// do languages (`en-US`), the ending of a file (`{id}.js`) and a custom verb (`{id}:cancel`). What an application calls its own route
// is better than any of this: model/operation-name.ts lets it win.

const MAX_SEGMENTS = 8;
const MAX_BYTES = 120;
/** Room that writeRouteTemplate needs in its target. */
export const ROUTE_TEMPLATE_MAX_BYTES = MAX_BYTES + 8;

const LONG_WORD = 24;
const SLASH = 0x2f;
const COLON = 0x3a;
const DOT = 0x2e;
const ID = new TextEncoder().encode("{id}");
// Kinds of bytes: lower-case letters with `-` and `_`, digits, all others of a segment, and what ends one.
const WORD = 1;
const DIGIT = 2;
const OTHER = 4;
const ENDS_SEGMENT = 8;
const KIND_OF_BYTE = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte);
  if (/[a-z_-]/.test(character)) return WORD;
  if (/[0-9]/.test(character)) return DIGIT;
  return /[/?#;]/.test(character) ? ENDS_SEGMENT : OTHER;
});
// Words of the trade that hold digits and are names, not identifiers.
/** Words that hold digits and are names all the same; lower case. */
const NAMES_WITH_DIGITS = new Set([
  "s3",
  "k8s",
  "oauth2",
  "oauth1",
  "h2",
  "h3",
  "ipv4",
  "ipv6",
  "p2p",
  "b2b",
  "b2c",
  "web3",
  "log4j",
  "utf8",
  "md5",
  "sha1",
  "sha256",
  "base64",
  "i18n",
  "l10n",
  "a11y",
  "http2",
]);

/** Endings of files that stay when what stands before is an identifier; lower case. */
const FILE_ENDINGS = new Set(
  "js mjs css map html htm php json xml txt csv pdf zip gz svg png jpg jpeg gif webp avif ico bmp mp3 mp4 webm mov ts m3u8 woff woff2 ttf otf wasm".split(
    " ",
  ),
);

/** Writes the template of the URL or path in `source[from..to)` to `target` at `at`; returns the end. '/' for an empty path. */
export function writeRouteTemplate(
  source: Uint8Array,
  from: number,
  to: number,
  target: Uint8Array,
  at: number,
): number {
  let position = skipOrigin(source, from, to);
  const limit = at + MAX_BYTES;
  let out = at;
  let segments = 0;
  while (position < to && !endsPath(source[position] ?? 0)) {
    // On a slash here; several in a row are one.
    while (position < to && source[position] === SLASH) position++;
    const start = position;
    // What kinds of bytes a segment has decides about nearly all of them at once.
    let kinds = 0;
    while (position < to) {
      const kind = KIND_OF_BYTE[source[position] ?? 0] ?? 0;
      if (kind >= ENDS_SEGMENT) break;
      kinds |= kind;
      position++;
    }
    const length = position - start;
    if (length === 0) break;
    if (segments === MAX_SEGMENTS || out + Math.min(length, ID.length) + 1 > limit) return writeRest(target, out);
    segments++;
    const isWord = kinds === WORD && length <= LONG_WORD * 2;
    const isNumber = kinds === DIGIT;
    const suffix = isWord || isNumber ? position : suffixStart(source, start, position);
    if (isNumber || (!isWord && isIdentifier(source, start, suffix))) {
      if (out + 1 + ID.length + position - suffix > limit) return writeRest(target, out);
      target[out++] = SLASH;
      for (let i = 0; i < ID.length; i++) target[out++] = ID[i] ?? 0;
      for (let i = suffix; i < position; i++) target[out++] = source[i] ?? 0;
    } else {
      if (out + 1 + length > limit) return writeRest(target, out);
      target[out++] = SLASH;
      for (let i = start; i < position; i++) target[out++] = source[i] ?? 0;
    }
  }
  if (out === at) target[out++] = SLASH;
  return out;
}

/** The template of a URL or path given as text. */
export function routeTemplate(path: string): string {
  const source = new TextEncoder().encode(path);
  const target = new Uint8Array(ROUTE_TEMPLATE_MAX_BYTES);
  return new TextDecoder().decode(target.subarray(0, writeRouteTemplate(source, 0, source.length, target, 0)));
}

function writeRest(target: Uint8Array, out: number): number {
  target[out++] = SLASH;
  target[out++] = 0x2a;
  return out;
}

function endsPath(byte: number): boolean {
  return byte === 0x3f || byte === 0x23 || byte === 0x3b; // ? # ;
}

/** Position of the path: behind `scheme://host`, or the start when there is none. */
function skipOrigin(source: Uint8Array, from: number, to: number): number {
  if (source[from] === SLASH) return from;
  for (let i = from; i + 2 < to && i < from + 12; i++) {
    if (source[i] === 0x3a && source[i + 1] === SLASH && source[i + 2] === SLASH) {
      let position = i + 3;
      while (position < to && source[position] !== SLASH && !endsPath(source[position] ?? 0)) position++;
      return position;
    }
  }
  return from;
}

/** Where the ending of a file (FILE_ENDINGS) or a custom verb (`:cancel`) begins; `to` when there is none. */
function suffixStart(source: Uint8Array, from: number, to: number): number {
  let isVerb = true;
  for (let i = to - 1; i > from; i--) {
    const byte = source[i] ?? 0;
    if (byte === COLON) return isVerb && i < to - 1 ? i : to;
    const isLower = byte >= 0x61 && byte <= 0x7a;
    const isDigit = byte >= 0x30 && byte <= 0x39;
    if (byte === DOT) return to - i <= 6 && FILE_ENDINGS.has(textOf(source, i + 1, to)) ? i : to;
    if (!isLower && !isDigit && !(byte >= 0x41 && byte <= 0x5a)) return to;
    if (isDigit) isVerb = false;
  }
  return to;
}

function isIdentifier(source: Uint8Array, from: number, to: number): boolean {
  let digits = 0;
  let upper = 0;
  let lower = 0;
  let vowels = 0;
  let leadingLetters = 0;
  let hex = 0;
  let other = 0;
  let signs = 0;
  let at = 0;
  let escapes = 0;
  /** How often a letter follows a digit that itself is not at the beginning. */
  let turns = 0;
  let wasDigit = false;
  for (let i = from; i < to; i++) {
    const byte = source[i] ?? 0;
    const isDigit = byte >= 0x30 && byte <= 0x39;
    const low = byte | 0x20;
    if (isDigit) digits++;
    else if (low >= 0x61 && low <= 0x7a) {
      if (byte === low) lower++;
      else upper++;
      if (lower + upper === i - from + 1) leadingLetters = i - from + 1;
      if (low <= 0x66) hex++;
      if (low === 0x61 || low === 0x65 || low === 0x69 || low === 0x6f || low === 0x75 || low === 0x79) vowels++;
      if (wasDigit && digits < i - from) turns++;
    } else if (byte === 0x40) at++;
    else if (byte === 0x25) escapes++;
    else if (byte >= 0x80) other++;
    else signs++;
    wasDigit = isDigit;
  }
  const length = to - from;
  const letters = upper + lower;
  if (at > 0 || escapes > 0) return true;
  if (digits === 0) {
    // `HQTGWGPNHG`: eight capitals that nobody can say.
    if (upper >= 8 && upper === length && vowels === 0) return true;
    return length > LONG_WORD * 2 || (other > 0 && length > LONG_WORD);
  }
  // A placeholder is one already, whatever its name.
  if (source[from] === 0x7b && source[to - 1] === 0x7d) return false;
  if (letters === 0) return !isApiNumber(source, from, to, digits, signs);
  if (length >= 8 && hex === letters && digits + hex >= length - 4) return true;
  if (length >= LONG_WORD) return true;
  if (isVersion(source, from, to)) return false;
  if (length <= 8 && NAMES_WITH_DIGITS.has(textOf(source, from, to))) return false;
  // `OLJCESPC7Z`, and `dQw4w9WgXcQ`.
  if (length >= 8 && upper + digits === length) return true;
  if (length >= 8 && upper > 0 && lower > 0 && turns >= 2) return true;
  // `u54`, `item-12`, `ORD20260102`: letters, then mostly a number; or a word that is largely digits.
  return digits * 3 >= length || (leadingLetters <= 12 && endsWithNumberAfterDash(source, from, to));
}

/** `1.1` or `2.0`: a version, not a place on a map. */
function isApiNumber(source: Uint8Array, from: number, to: number, digits: number, signs: number): boolean {
  return to - from === 3 && digits === 2 && signs === 1 && source[from + 1] === DOT;
}

/** `v1`, `v1beta2`, `v2.1`, `2.1`-like API versions. */
function isVersion(source: Uint8Array, from: number, to: number): boolean {
  if (((source[from] ?? 0) | 0x20) !== 0x76 || to - from > 10) return false;
  const first = source[from + 1] ?? 0;
  if (first < 0x30 || first > 0x39 || to - from < 2) return false;
  if (to - from === 2) return true;
  return /^v\d{1,3}(\.\d+)*((alpha|beta|rc)\d*)?$/i.test(textOf(source, from, to));
}

function endsWithNumberAfterDash(source: Uint8Array, from: number, to: number): boolean {
  let i = to - 1;
  while (i > from && (source[i] ?? 0) >= 0x30 && (source[i] ?? 0) <= 0x39) i--;
  return i < to - 1 && (source[i] === 0x2d || source[i] === 0x5f);
}

function textOf(source: Uint8Array, from: number, to: number): string {
  let text = "";
  for (let i = from; i < to; i++) text += String.fromCharCode(source[i] ?? 0);
  return text.toLowerCase();
}

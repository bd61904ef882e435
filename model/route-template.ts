// Route templates: `/cart/u54?x=1` → `/cart/{id}`, so that an operation is a place and not a request.
// In: a URL or path as UTF-8 bytes (or text). Out: the template's bytes, written in place without building strings.
// Bounds: no scheme, host, query or fragment; at most 8 segments and 120 bytes, then `/*`; a segment is an identifier when it is a number,
// a UUID, a long hex or mixed word, an email, or a short prefix with a number; versions such as `v2` stay.

const MAX_SEGMENTS = 8;
const MAX_BYTES = 120;
/** Room that writeRouteTemplate needs in its target. */
export const ROUTE_TEMPLATE_MAX_BYTES = MAX_BYTES + 8;

const LONG_WORD = 24;
const SLASH = 0x2f;
const ID = new TextEncoder().encode("{id}");
// Words of the trade that hold digits and are names, not identifiers.
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
    while (position < to && source[position] !== SLASH && !endsPath(source[position] ?? 0)) position++;
    const length = position - start;
    if (length === 0) break;
    if (segments === MAX_SEGMENTS || out + Math.min(length, ID.length) + 1 > limit) return writeRest(target, out);
    segments++;
    if (isIdentifier(source, start, position)) {
      target[out++] = SLASH;
      target.set(ID, out);
      out += ID.length;
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

function isIdentifier(source: Uint8Array, from: number, to: number): boolean {
  let digits = 0;
  let letters = 0;
  let leadingLetters = 0;
  let hex = 0;
  let other = 0;
  let at = 0;
  let escapes = 0;
  for (let i = from; i < to; i++) {
    const byte = source[i] ?? 0;
    if (byte >= 0x30 && byte <= 0x39) digits++;
    else if ((byte >= 0x61 && byte <= 0x7a) || (byte >= 0x41 && byte <= 0x5a)) {
      letters++;
      if (letters === i - from + 1) leadingLetters = letters;
      if ((byte | 0x20) <= 0x66) hex++;
    } else if (byte === 0x40) at++;
    else if (byte === 0x25) escapes++;
    else if (byte >= 0x80) other++;
  }
  const length = to - from;
  if (digits === 0) return at > 0 || escapes > 0 || length > LONG_WORD * 2 || (other > 0 && length > LONG_WORD);
  if (at > 0 || escapes > 0) return true;
  if (letters === 0) return true;
  if (length >= 8 && hex === letters && digits + hex >= length - 4) return true;
  if (length >= LONG_WORD) return true;
  if (isVersion(source, from, to)) return false;
  if (length <= 8 && NAMES_WITH_DIGITS.has(textOf(source, from, to))) return false;
  // `u54`, `item-12`, `ORD20260102`: letters, then mostly a number; or a word that is largely digits.
  return digits * 3 >= length || (leadingLetters <= 12 && endsWithNumberAfterDash(source, from, to));
}

/** `v1`, `v1beta2`, `v2.1`, `2.1`-like API versions. */
function isVersion(source: Uint8Array, from: number, to: number): boolean {
  if (((source[from] ?? 0) | 0x20) !== 0x76 || to - from > 10) return false;
  const first = source[from + 1] ?? 0;
  if (first < 0x30 || first > 0x39 || to - from < 2) return false;
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

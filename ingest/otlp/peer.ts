// Who a Client, Producer or Consumer span talks to, as far as the span itself says.
// In: ranges of bytes: Envoy's upstream cluster, a host name, a system and a destination. Out: a name in a scratch column and its kind.
// Bounds: names of at most 200 bytes. An address of the mesh, a private network or loopback names nobody (it is a pod's, and changes with
// it) and gives no peer; a public one is an external host, without its port.
import type { ByteColumn } from "./columns.ts";

/** Numbers of the storage enum PeerKind. */
export const PEER_NONE = 0;
export const PEER_SERVICE = 1;
export const PEER_DATABASE = 2;
export const PEER_MESSAGING = 3;
export const PEER_EXTERNAL = 4;

const MAX_NAME_BYTES = 200;
/** `[ffff:…]` with the address of IPv4 inside, and a little. */
const MAX_ADDRESS_BYTES = 48;
const DOT = 0x2e;
const COLON = 0x3a;
const PIPE = 0x7c;

/** The callee of Envoy's `outbound|PORT|SUBSET|HOST`, of its SNI form, or of a plain cluster name. */
export function writeUpstreamPeer(
  bytes: Uint8Array,
  from: number,
  to: number,
  namespace: string,
  out: ByteColumn,
): number {
  if (startsWith(bytes, from, to, "inbound") || startsWith(bytes, from, to, "Inbound")) return PEER_NONE;
  if (startsWith(bytes, from, to, "outbound|"))
    return writeHostPeer(bytes, lastIndex(bytes, from, to, PIPE) + 1, to, namespace, out);
  if (startsWith(bytes, from, to, "outbound_.")) {
    for (let i = to - 1; i > from; i--) {
      if (bytes[i] === DOT && bytes[i - 1] === 0x5f) return writeHostPeer(bytes, i + 1, to, namespace, out);
    }
  }
  if (to === from || (to - from === 1 && bytes[from] === 0x2d)) return PEER_NONE;
  if (isAddress(bytes, from, endOfHost(bytes, from, to))) return writeHostPeer(bytes, from, to, namespace, out);
  put(bytes, from, to, out);
  return startsWith(bytes, from, to, "PassthroughCluster") || startsWith(bytes, from, to, "BlackHoleCluster")
    ? PEER_EXTERNAL
    : PEER_SERVICE;
}

/** The callee by host name: a Kubernetes service of any length of name, or an external host. */
export function writeHostPeer(bytes: Uint8Array, from: number, to: number, namespace: string, out: ByteColumn): number {
  const end = endOfHost(bytes, from, to);
  if (end === from || equalsText(bytes, from, end, "localhost")) return PEER_NONE;
  if (isAddress(bytes, from, end)) {
    if (!isPublic(bytes, from, end)) return PEER_NONE;
    put(bytes, from, end, out);
    return PEER_EXTERNAL;
  }
  const firstDot = indexOf(bytes, from, end, DOT);
  if (firstDot < 0) {
    put(bytes, from, end, out);
    return PEER_SERVICE;
  }
  const secondDot = indexOf(bytes, firstDot + 1, end, DOT);
  const isShort = secondDot < 0 && namespace !== "" && equalsText(bytes, firstDot + 1, end, namespace);
  const third = secondDot < 0 ? -1 : secondDot + 1;
  const isService =
    third > 0 && startsWith(bytes, third, end, "svc") && (third + 3 === end || bytes[third + 3] === DOT);
  if (firstDot > from && (isShort || isService)) {
    put(bytes, from, firstDot, out);
    return PEER_SERVICE;
  }
  put(bytes, from, end, out);
  return PEER_EXTERNAL;
}

/** The host of a URL: where it begins and ends; equal when there is none. */
export function hostOfUrl(
  bytes: Uint8Array,
  from: number,
  to: number,
): { readonly start: number; readonly end: number } {
  for (let i = from; i + 2 < to && i < from + 12; i++) {
    if (bytes[i] !== COLON || bytes[i + 1] !== 0x2f || bytes[i + 2] !== 0x2f) continue;
    let start = i + 3;
    let end = start;
    while (end < to && bytes[end] !== 0x2f && bytes[end] !== 0x3f && bytes[end] !== 0x23) {
      if (bytes[end] === 0x40) start = end + 1;
      end++;
    }
    return { start, end };
  }
  return { start: from, end: from };
}

/** Where the first label of a host ends; an address is one label. */
export function endOfFirstLabel(bytes: Uint8Array, from: number, to: number): number {
  const end = endOfHost(bytes, from, to);
  if (isAddress(bytes, from, end)) return end;
  const dot = indexOf(bytes, from, end, DOT);
  return dot < 0 ? end : dot;
}

/** Appends raw bytes, cut at the longest name. */
export function put(bytes: Uint8Array, from: number, to: number, out: ByteColumn): void {
  const end = Math.min(to, from + MAX_NAME_BYTES);
  out.reserve(end - from);
  const target = out.bytes;
  let at = out.length;
  for (let i = from; i < end; i++) target[at++] = bytes[i] ?? 0;
  out.length = at;
}

/** Without a port; the brackets of an IPv6 address stay. */
function endOfHost(bytes: Uint8Array, from: number, to: number): number {
  const colon = lastIndex(bytes, from, to, COLON);
  if (colon < from) return to;
  if (bytes[colon - 1] !== 0x5d && indexOf(bytes, from, colon, COLON) >= 0) return to;
  return colon;
}

function isAddress(bytes: Uint8Array, from: number, to: number): boolean {
  if (bytes[from] === 0x5b || indexOf(bytes, from, to, COLON) >= 0) return true;
  for (let i = from; i < to; i++) {
    const byte = bytes[i] ?? 0;
    if (byte !== DOT && (byte < 0x30 || byte > 0x39)) return false;
  }
  return true;
}

/** False for what is no whole address, private, of a carrier, loopback, link-local or multicast. */
function isPublic(bytes: Uint8Array, from: number, to: number): boolean {
  // Of IPv6 what is handed out begins with 2 or 3.
  if (indexOf(bytes, from, to, COLON) >= 0) {
    const first = bytes[from] === 0x5b ? bytes[from + 1] : bytes[from];
    return (first === 0x32 || first === 0x33) && to - from <= MAX_ADDRESS_BYTES;
  }
  let a = 0;
  let b = 0;
  let parts = 0;
  let part = -1;
  for (let i = from; i <= to; i++) {
    const byte = i === to ? DOT : (bytes[i] ?? 0);
    if (byte !== DOT) part = Math.max(part, 0) * 10 + byte - 0x30;
    else if (part < 0 || part > 255) return false;
    else {
      if (parts === 0) a = part;
      else if (parts === 1) b = part;
      parts++;
      part = -1;
    }
  }
  if (parts !== 4 || a === 0 || a === 10 || a === 127 || a >= 224) return false;
  // Link-local, but for the cloud's metadata service, which is worth a node of its own.
  if (a === 169 && b === 254) return equalsText(bytes, from, to, "169.254.169.254");
  return !(a === 192 && b === 168) && !(a === 172 && b >= 16 && b < 32) && !(a === 100 && b >= 64 && b < 128);
}

function indexOf(bytes: Uint8Array, from: number, to: number, byte: number): number {
  for (let i = from; i < to; i++) if (bytes[i] === byte) return i;
  return -1;
}

function lastIndex(bytes: Uint8Array, from: number, to: number, byte: number): number {
  for (let i = to - 1; i >= from; i--) if (bytes[i] === byte) return i;
  return -1;
}

/** True where the range begins with an ASCII text. */
export function startsWith(bytes: Uint8Array, from: number, to: number, text: string): boolean {
  return to - from >= text.length && equalsText(bytes, from, from + text.length, text);
}

function equalsText(bytes: Uint8Array, from: number, to: number, text: string): boolean {
  if (to - from !== text.length) return false;
  for (let i = 0; i < text.length; i++) if (bytes[from + i] !== text.charCodeAt(i)) return false;
  return true;
}

// Which failures of ClickHouse say "not now" (try again, tell senders to retry) and which say "not this" (bad data, bad SQL).
// In: anything thrown by the storage client. Out: true or false.
// Bounds: closed lists of Node connection codes and ClickHouse error codes; an unknown error is never retryable, so that
// a poison block cannot be retried for ever.
import { ClickHouseError } from "@clickhouse/client";
import { ServiceError } from "../model/errors.ts";

const CONNECTION_CODES = new Set([
  "ECONNREFUSED",
  "ECONNRESET",
  "ECONNABORTED",
  "EPIPE",
  "ETIMEDOUT",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "ERR_STREAM_PREMATURE_CLOSE",
]);

/** ClickHouse error codes after which the same statement may succeed later, with their names. */
export const RETRYABLE_CODES: ReadonlyMap<string, string> = new Map([
  ["60", "UNKNOWN_TABLE"], // before the first migration, or while a backup is restored
  ["81", "UNKNOWN_DATABASE"],
  ["159", "TIMEOUT_EXCEEDED"],
  ["160", "TOO_SLOW"],
  ["202", "TOO_MANY_SIMULTANEOUS_QUERIES"],
  ["203", "NO_FREE_CONNECTION"],
  ["209", "SOCKET_TIMEOUT"],
  ["210", "NETWORK_ERROR"],
  ["225", "NO_ZOOKEEPER"],
  ["236", "ABORTED"],
  ["241", "MEMORY_LIMIT_EXCEEDED"],
  ["242", "TABLE_IS_READ_ONLY"],
  ["243", "NOT_ENOUGH_SPACE"],
  ["244", "UNEXPECTED_ZOOKEEPER_ERROR"],
  ["252", "TOO_MANY_PARTS"],
  ["279", "ALL_CONNECTION_TRIES_FAILED"],
  ["285", "TOO_FEW_LIVE_REPLICAS"],
  ["286", "UNSATISFIED_QUORUM_FOR_PREVIOUS_WRITE"],
  ["319", "UNKNOWN_STATUS_OF_INSERT"],
  ["394", "QUERY_WAS_CANCELLED"],
  ["439", "CANNOT_SCHEDULE_TASK"],
  ["473", "DEADLOCK_AVOIDED"],
  ["499", "S3_ERROR"],
  ["516", "AUTHENTICATION_FAILED"], // the server's users are not loaded yet, or the password is being rotated
  ["745", "SERVER_OVERLOADED"],
  ["999", "KEEPER_EXCEPTION"],
]);

/** True when storage is unreachable, full, out of memory or overloaded: the same call may succeed later. */
export function isStorageUnavailable(error: unknown): boolean {
  if (isConnectionFailure(error)) return true;
  if (error instanceof AggregateError) return error.errors.some(isStorageUnavailable);
  // A full disk comes under several codes (75, 76, 243, 1001), depending on the system call that met it.
  return (
    error instanceof ClickHouseError &&
    (RETRYABLE_CODES.has(error.code) || /No space left on device|errno: 28\b/.test(error.message))
  );
}

/** True when no answer came from the server at all, or none within the time limit. */
export function isConnectionFailure(error: unknown): boolean {
  if (error instanceof ServiceError) return error.code === "STORAGE_UNREACHABLE";
  if (error instanceof AggregateError) return error.errors.some(isConnectionFailure);
  if (!(error instanceof Error) || error instanceof ClickHouseError) return false;
  if ("code" in error && typeof error.code === "string" && CONNECTION_CODES.has(error.code)) return true;
  // The client's own timeout and Node's "socket hang up" carry no code in every case.
  return /^(Timeout error\.?|socket hang up|aborted)$/i.test(error.message);
}

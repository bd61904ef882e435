// How a connection to Kafka is secured, and what its failures mean in one sentence.
// In: the TLS and SASL options. Out: what kafkajs wants; a ServiceError with code, cause and advice for whatever kafkajs throws.
// Bounds: certificate files are read at every start of a connection, so that a renewed one is taken up; a password is never in a message.
import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import kafkajs from "kafkajs";
import { ServiceError, reasonOf } from "../model/errors.ts";

/** How to log in to the brokers. */
export interface KafkaSasl {
  readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
  readonly username: string;
  readonly password: string;
}

/** TLS and SASL; a file name is a path of a PEM file, '' none. A file given means TLS, whatever `tls` says. */
export interface KafkaSecurity {
  readonly tls: boolean;
  /** Certificates of the authority that signed the brokers'; '': those that Node knows. */
  readonly tlsCaFile: string;
  readonly tlsCertFile: string;
  readonly tlsKeyFile: string;
  readonly sasl: KafkaSasl | null;
}

/** No TLS and no login. */
export const KAFKA_UNSECURED: KafkaSecurity = {
  tls: false,
  tlsCaFile: "",
  tlsCertFile: "",
  tlsKeyFile: "",
  sasl: null,
};

const TLS_FAILURE =
  /certificate|self-signed|\bTLS\b|\bSSL\b|EPROTO|ERR_TLS|ERR_OSSL|altname|wrong version number|handshake|PEM\b/i;

/** The part of kafkajs's options that secures a connection; throws KAFKA_TLS_FAILED when a file cannot be read. */
export function securityOptions(security: KafkaSecurity): Pick<kafkajs.KafkaConfig, "ssl" | "sasl"> {
  const { sasl } = security;
  return { ssl: tlsOptions(security), ...(sasl === null ? {} : { sasl: saslOptions(sasl) }) };
}

/** What a failure of a connection or a consumer means; a ServiceError passes as it is. */
export function explainKafkaFailure(
  error: unknown,
  options: KafkaSecurity & { readonly brokers: readonly string[] },
): ServiceError {
  if (error instanceof ServiceError) return error;
  const brokers = options.brokers.join(", ");
  const chain = causesOf(error);
  const cause = reasonOf(chain.at(-1)).replace(/\.$/, "");
  if (chain.some((one) => one instanceof kafkajs.KafkaJSSASLAuthenticationError)) {
    const { username, mechanism } = options.sasl ?? { username: "(none)", mechanism: "none" };
    return new ServiceError("KAFKA_LOGIN_REFUSED", { brokers, username, mechanism, cause }, error);
  }
  if (chain.some((one) => TLS_FAILURE.test(reasonOf(one)))) {
    return new ServiceError("KAFKA_TLS_FAILED", { brokers, cause }, error);
  }
  return new ServiceError("KAFKA_FAILED", { brokers, cause }, error);
}

/** The error and what it names as its cause, outermost first. */
function causesOf(error: unknown): unknown[] {
  const chain: unknown[] = [];
  for (let at: unknown = error; at !== undefined && at !== null && chain.length < 10;) {
    chain.push(at);
    at = at instanceof Error ? at.cause : undefined;
  }
  return chain;
}

function tlsOptions(security: KafkaSecurity): ConnectionOptions | boolean {
  const ca = readPem("kafka.tlsCaFile", security.tlsCaFile);
  const cert = readPem("kafka.tlsCertFile", security.tlsCertFile);
  const key = readPem("kafka.tlsKeyFile", security.tlsKeyFile);
  if (ca === null && cert === null && key === null) return security.tls;
  return {
    ...(ca === null ? {} : { ca }),
    ...(cert === null ? {} : { cert }),
    ...(key === null ? {} : { key }),
  };
}

function readPem(setting: string, path: string): string | null {
  if (path === "") return null;
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    throw new ServiceError("KAFKA_TLS_FAILED", { brokers: setting, cause: reasonOf(error) }, error);
  }
}

function saslOptions({ mechanism, username, password }: KafkaSasl): kafkajs.SASLOptions {
  switch (mechanism) {
    case "plain":
      return { mechanism, username, password };
    case "scram-sha-256":
      return { mechanism, username, password };
    case "scram-sha-512":
      return { mechanism, username, password };
  }
}

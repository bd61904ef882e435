// Asking a running Faultline to localize: its answer as the model's type, its refusal as an error, its absence as null.
// In: an API of our own that answers as the contract says. Out: a Localization.
import { type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import type { LocalizeRequest } from "../../model/localization.ts";
import { localizationJson } from "../../service/contract-json.ts";
import { evidenceLines, findingSentence } from "../../service/finding-text.ts";
import { askRunningApi, ownStorageNote } from "../../service/remote-localize.ts";

const servers: Server[] = [];
afterEach(() => servers.splice(0).forEach((server) => server.close()));

const REQUEST: LocalizeRequest = {
  tenant: "default",
  range: { from: "2026-01-01T00:00:00Z", to: "2026-01-01T00:05:00Z" },
  baseline: null,
  cluster: null,
  namespace: null,
  service: "cart",
  operation: null,
  indicator: null,
  maxCauses: 3,
};

const PLACE = {
  kind: "SERVICE",
  cluster: "east",
  namespace: null,
  service: "cart",
  version: null,
  instance: null,
  node: null,
  operation: null,
  runtime: "RUNC",
  isolation: null,
  peer: null,
};
const ANSWER = {
  id: "loc-1",
  verdict: "FOUND",
  reason: null,
  onset: "2026-01-01T00:01:02.000Z",
  range: REQUEST.range,
  baseline: REQUEST.range,
  causes: [
    {
      rank: 1,
      confidence: 0.8,
      faultKind: "CRASH",
      summary: "cart restarts",
      codeRegion: null,
      entity: PLACE,
      evidence: [{ source: "platform-event", summary: "2 restarts", weight: 2, traceIds: [] }],
      blamePath: [PLACE],
      change: null,
      remedy: null,
    },
  ],
  rejected: [],
};

async function api(answer: unknown): Promise<{ url: string; asked: unknown[] }> {
  const asked: unknown[] = [];
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      if (request.url === "/graphql")
        asked.push((JSON.parse(Buffer.concat(chunks).toString()) as { variables: unknown }).variables);
      response.end(JSON.stringify(request.url === "/healthz" ? {} : answer));
    });
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

test("the answer is the model's, told in words and in the contract's JSON alike", async () => {
  const { url, asked } = await api({ data: { localize: ANSWER } });
  const answer = await askRunningApi(url, REQUEST);
  const { tenant: _, ...input } = REQUEST;
  expect(asked).toEqual([{ input }]);
  expect(answer?.causes[0]?.entity).toMatchObject({ kind: "SERVICE", cluster: "east", namespace: "", version: "" });
  expect(answer?.causes[0]?.entity).not.toHaveProperty("peer");
  if (answer === null) throw new Error("unreachable");
  expect(localizationJson(answer)).toMatchObject(ANSWER);
  expect(findingSentence(answer, null)).toBe("cart (east) crashes since 00:01:02 UTC (80 % sure, CRASH).");
  expect(evidenceLines(answer)).toEqual(["for: 2 restarts [platform-event, 2.0 nats]"]);
});

test("a refusal is an error with the API's words", async () => {
  const { url } = await api({ errors: [{ message: "The range is longer than 6 h." }] });
  await expect(askRunningApi(url, REQUEST)).rejects.toThrow(
    /did not take what was sent: The range is longer than 6 h\.$/,
  );
});

test("a question that the API cannot take is a usage error in its words, with one full stop", async () => {
  const message = "The range is 7776000 s long; this field reads at most 21600 s.";
  const { url } = await api({ errors: [{ message, extensions: { code: "BAD_RANGE" } }] });
  await expect(askRunningApi(url, REQUEST)).rejects.toMatchObject({ code: "USAGE", exitCode: 2, message });
});

test("somebody who refuses this host name is an error, not an answer from another storage", async () => {
  const message = 'The host name "127.0.0.1" is not one this server answers to; add it to api.allowedHosts.';
  const server = createServer((_request, response) => {
    response.writeHead(403).end(JSON.stringify({ error: "FORBIDDEN", message }));
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  await expect(askRunningApi(url, REQUEST)).rejects.toThrow(`${url}/healthz did not take what was sent: ${message}`);
});

test("which storage is asked instead is told", () => {
  expect(ownStorageNote("http://127.0.0.1:3300", "", ".faultline/data")).toBe(
    "No Faultline answers at http://127.0.0.1:3300 (api.host, api.port), so the data in .faultline/data is asked directly.",
  );
  expect(ownStorageNote("http://127.0.0.1:3300", "http://ch:8123", "x")).toContain("so ClickHouse is asked directly.");
});

test("nobody there is null", async () => {
  const { url } = await api({});
  await new Promise<void>((resolve) => void servers.pop()?.close(() => resolve()));
  expect(await askRunningApi(url, REQUEST)).toBeNull();
});

test("without an answer the sentence says why", () => {
  const empty = { ...ANSWER, causes: [], rejected: [], onset: null } as const;
  expect(findingSentence({ ...empty, verdict: "NO_FAULT", reason: "all is as before" }, null)).toBe(
    "Nothing is wrong: all is as before.",
  );
  expect(findingSentence({ ...empty, verdict: "INCONCLUSIVE", reason: "too few requests." }, null)).toBe(
    "The cause cannot be named: too few requests.",
  );
});

// What opens a question on demand: requests that deviate, the service that is named, findings that say they may; and what does not.
import { describe, expect, test } from "vitest";
import { findSymptoms, namedPlaces, openingFindings, whyNothing } from "../../analyzer/asked-symptoms.ts";
import type { Finding } from "../../analyzer/localize/finding.ts";
import { ASK_ANYWHERE, type LocalizeRequest } from "../../model/localization.ts";
import { calls, node, sceneOf, work } from "./made.ts";

const asked = (facts: Partial<LocalizeRequest> = {}): LocalizeRequest => ({
  tenant: "default",
  range: { from: "2026-01-05T10:00:00Z", to: "2026-01-05T10:01:00Z" },
  ...ASK_ANYWHERE,
  maxCauses: 5,
  ...facts,
});
const BUCKETS = { fault: 6, baseline: 30 };
const sign = (place: string, facts: Partial<Finding> = {}): Finding => ({
  place,
  source: "code-path",
  indicator: "LATENCY",
  weight: 6,
  excess: 0,
  summary: "",
  kinds: {},
  isSymptom: true,
  ...facts,
});

// shop → cart → prices, and ads beside them; cart fails, ads get five times the requests.
const scene = sceneOf([
  work("shop", { requests: 900 }, { requests: 180 }),
  work("cart", { requests: 900 }, { requests: 180, failed: 90, originFailed: 90 }),
  work("prices", { requests: 900 }, { requests: 180 }),
  work("ads", { requests: 900 }, { requests: 900 }),
  calls("", "shop"),
  calls("shop", "cart"),
  calls("cart", "prices"),
]);

describe("findSymptoms", () => {
  test("failures open the question at the service that has them", () => {
    const { places, indicator } = findSymptoms(scene, asked(), BUCKETS);
    expect(places).toEqual(new Set([node("cart")]));
    expect(indicator).toBe("ERRORS");
  });
  test("an indicator that is asked about is the only one that counts; saturation shows by failures and latency", () => {
    expect(findSymptoms(scene, asked({ indicator: "LATENCY" }), BUCKETS).places.size).toBe(0);
    expect(findSymptoms(scene, asked({ indicator: "SATURATION" }), BUCKETS).places).toEqual(new Set([node("cart")]));
  });
  test("requests are compared by bucket, not by sum", () => {
    const { places, indicator } = findSymptoms(scene, asked({ indicator: "TRAFFIC" }), BUCKETS);
    expect({ places, indicator }).toEqual({ places: new Set([node("ads")]), indicator: "TRAFFIC" });
  });
  test("a loss of requests counts as a surge does", () => {
    const lost = sceneOf([work("shop", { requests: 900 }, { requests: 20 })]);
    expect(findSymptoms(lost, asked({ indicator: "TRAFFIC" }), BUCKETS).places).toEqual(new Set([node("shop")]));
  });
  test("a service that is not asked about opens nothing", () => {
    expect(findSymptoms(scene, asked({ service: "prices" }), BUCKETS).places.size).toBe(0);
  });
});

describe("namedPlaces", () => {
  test("nothing named, a known service, one that sends no spans", () => {
    expect(namedPlaces(scene, asked())).toEqual(new Set());
    expect(namedPlaces(scene, asked({ service: "cart" }))).toEqual(new Set([node("cart")]));
    expect(namedPlaces(scene, asked({ service: "lambda", namespace: "aws" }))).toEqual(
      new Set(["service||aws|lambda"]),
    );
  });
});

describe("openingFindings", () => {
  test.each([
    { name: "anywhere where nothing is named", request: {}, finding: sign(node("ads")), opens: true },
    { name: "below what is named", request: { service: "shop" }, finding: sign(node("prices")), opens: true },
    { name: "not beside it", request: { service: "shop" }, finding: sign(node("ads")), opens: false },
    { name: "not above it", request: { service: "prices" }, finding: sign(node("shop")), opens: false },
    { name: "a node is behind any service", request: { service: "shop" }, finding: sign("node|east|n1"), opens: true },
    {
      name: "not what does not say it may",
      request: {},
      finding: { ...sign(node("ads")), isSymptom: false },
      opens: false,
    },
    {
      name: "not what speaks against its place",
      request: {},
      finding: sign(node("ads"), { weight: -1 }),
      opens: false,
    },
  ])("$name", ({ request, finding, opens }) => {
    expect(openingFindings(scene, asked(request), [finding])).toEqual(opens ? [finding] : []);
  });
});

describe("whyNothing", () => {
  test.each([
    { name: "nothing at all", of: sceneOf([]), request: {}, says: /^No service has traffic/ },
    { name: "nothing of the named service", of: scene, request: { service: "x" }, says: /that the request names/ },
    { name: "no traffic now", of: sceneOf([work("a", {}, { requests: 0 })]), request: {}, says: /in the window/ },
    { name: "no traffic before", of: sceneOf([work("a", { requests: 0 }, {})]), request: {}, says: /in the baseline/ },
  ])("$name", ({ of, request, says }) => expect(whyNothing(of, asked(request))).toMatch(says));
  test("traffic on both sides can be judged", () => expect(whyNothing(scene, asked())).toBeNull());
});

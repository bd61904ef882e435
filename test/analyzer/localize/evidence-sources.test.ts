// Sources of evidence are asked together; one that fails, throws at once or hangs is named and counted, and the others are heard.
import { expect, test } from "vitest";
import { collectEvidence, type EvidenceContext, type EvidenceSource } from "../../../analyzer/localize/evidence.ts";
import type { Finding } from "../../../analyzer/localize/finding.ts";

const said: Finding = {
  place: "service|||a",
  source: "good",
  indicator: "LATENCY",
  weight: 1,
  excess: 0,
  summary: "",
  kinds: {},
};
// None of these sources looks at it.
const context = {} as EvidenceContext;
const good: EvidenceSource = { name: "good", collect: () => Promise.resolve([said]) };
const failing: EvidenceSource = { name: "failing", collect: () => Promise.reject(new Error("no")) };
const throwing: EvidenceSource = {
  name: "a-throwing",
  collect: () => {
    throw new Error("no");
  },
};
const hanging: EvidenceSource = { name: "hanging", collect: () => new Promise(() => {}) };

test("what failed is named in order, what spoke is kept", async () => {
  const { findings, missing } = await collectEvidence(context, [failing, good, throwing], 1000);
  expect(findings).toEqual([said]);
  expect(missing).toEqual(["a-throwing", "failing"]);
});

test("a source that hangs costs its limit and no more", async () => {
  const { findings, missing } = await collectEvidence(context, [hanging, good], 20);
  expect({ findings, missing }).toEqual({ findings: [said], missing: ["hanging"] });
});

test("sources run at the same time", async () => {
  let open = 0;
  let most = 0;
  const slow: EvidenceSource = {
    name: "slow",
    collect: async () => {
      most = Math.max(most, ++open);
      await new Promise((resolve) => setTimeout(resolve, 10));
      open--;
      return [];
    },
  };
  await collectEvidence(context, [slow, slow, slow], 1000);
  expect(most).toBe(3);
});

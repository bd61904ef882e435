// docs/changes.md: every example is run as it is written, against a running ingest role.
import { execFile, spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { promisify } from "node:util";
import { parse } from "yaml";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { CHANGE_HOOK_DEFAULTS } from "../../../ingest/changes/endpoints.ts";
import { INGEST_DEFAULTS, startIngest } from "../../../ingest/role.ts";
import { SETTINGS } from "../../../service/settings.ts";
import { readChangePage } from "../../../storage/changes.ts";
import { hashOfToken, writeToken } from "../../../storage/tokens.ts";
import { startTestStorage, type TestStorage } from "../../fixtures/storage.ts";

const run = promisify(execFile);
const text = readFileSync(new URL("../../../docs/changes.md", import.meta.url), "utf8");
const blocks = (language: string): string[] =>
  [...text.matchAll(new RegExp("```" + language + "\\n([\\s\\S]*?)```", "g"))].map((match) => match[1] ?? "");
const examples = blocks("sh").filter((block) => block.includes("curl "));
const TOKEN = "token-of-the-delivery-pipeline";
const SECRETS = { FLUX_SECRET: "a flux secret", GITHUB_SECRET: "a github secret" };

// Slim containers have neither; continuous integration must.
const tools = [spawnSync("curl", ["--version"]), spawnSync("openssl", ["version"])];
const isRunnable = process.env["CI"] === "true" || tools.every(({ status }) => status === 0);

let database: TestStorage;
let ingest: Awaited<ReturnType<typeof startIngest>>;
beforeAll(async () => {
  database = await startTestStorage();
  const token = {
    hash: hashOfToken(TOKEN),
    tenant: "default",
    name: "pipeline",
    scopes: ["ingest"],
    createdMs: 1,
    revokedMs: null,
  };
  await writeToken(database.storage, token, 1);
  const changes = {
    ...CHANGE_HOOK_DEFAULTS,
    fluxSecret: SECRETS.FLUX_SECRET,
    githubSecret: SECRETS.GITHUB_SECRET,
  };
  const options = { ...INGEST_DEFAULTS, httpPort: 0, grpcPort: 0, changes };
  ingest = await startIngest({ storage: database.storage, options });
}, 180_000);
afterAll(async () => {
  await ingest?.stop();
  await database?.stop();
});

const environment = () => ({ ...process.env, ...SECRETS, FAULTLINE_INGEST: ingest.httpUrl, TOKEN });
const range = { from: "2026-01-01T00:00:00Z", to: "2026-01-03T00:00:00Z" };
const stored = () => readChangePage(database.storage, { tenant: "default", range, limit: 100, after: null });

describe.skipIf(!isRunnable)("docs/changes.md (needs curl and openssl)", () => {
  it("has an example for every source", () => {
    for (const source of ["cdevents", "argocd", "flux", "github"]) {
      expect(examples.filter((example) => example.includes(`/v1/changes/${source}`)).length).toBeGreaterThanOrEqual(1);
    }
  });

  it("each example stores its change, and again the same one", async () => {
    for (const example of examples) {
      const answers = [];
      for (let time = 0; time < 2; time++) {
        const { stdout } = await run("sh", ["-c", example], { env: environment() });
        answers.push(JSON.parse(stdout) as object);
      }
      expect(answers[0]).toMatchObject({ stored: 1 });
      expect(answers[1]).toEqual(answers[0]);
    }
    const found = (await stored()).map(({ kind, summary, entity }) =>
      [kind, entity.service, entity.version, summary].join("|"),
    );
    expect(found.sort()).toEqual(
      [
        "Deployment|pricing|2.3.1|pricing deployed in production: pkg:oci/pricing?tag=2.3.1",
        "Deployment|pricing|2.3.0|pricing rolled back in production: pkg:oci/pricing?tag=2.3.0",
        "Application|pricing|2.3.1|Application pricing synchronised to 8c5f2a1e4b7d",
        "HelmRelease|pricing||HelmRelease pricing upgraded at 1.4.0",
        "Deployment|pricing|v2.3.1|deployment of pricing v2.3.1 to production succeeded",
      ].sort(),
    );
  });

  it("a wrong secret is refused", async () => {
    const signed = examples.filter((example) => example.includes("openssl"));
    expect(signed).toHaveLength(2);
    for (const example of signed) {
      const env = { ...environment(), FLUX_SECRET: "guessed", GITHUB_SECRET: "guessed" };
      const { stdout } = await run(
        "sh",
        ["-c", example.replace("curl -s ", "curl -s -o /dev/null -w '%{http_code}' ")],
        { env },
      );
      expect(stdout).toBe("401");
    }
  });
});

it("its settings are settings", () => {
  const block = blocks("yaml").find((candidate) => candidate.startsWith("changes:"));
  const { changes } = parse(block ?? "") as { changes: { fields: unknown } };
  expect(SETTINGS["changes.fields"].schema.safeParse(changes.fields).success).toBe(true);
});

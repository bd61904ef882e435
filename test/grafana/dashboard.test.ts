// The Grafana dashboard without Grafana: committed files are fresh, panels are sound, and every SQL runs on the real ClickHouse.
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { buildDashboard, DATASOURCE_UID } from "../../dashboards/grafana/dashboard.ts";
import { generateGrafanaFiles } from "../../dashboards/grafana/generate.ts";

const FOLDER = fileURLToPath(new URL("../../dashboards/grafana/", import.meta.url));
const { panels } = buildDashboard();

describe("generated files", () => {
  it.each([...generateGrafanaFiles()])("%s is as committed (UPDATE_GOLDEN=1 writes it)", (path, text) => {
    const file = join(FOLDER, path);
    if (process.env["UPDATE_GOLDEN"] === "1") {
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, text);
    }
    expect(readFileSync(file, "utf8")).toBe(text);
  });

  it("say that they are generated", () => {
    for (const text of generateGrafanaFiles().values()) expect(text.split("\n", 2).join(" ")).toContain("enerated");
  });

  it("provision the data source that the dashboard asks for", () => {
    const files = generateGrafanaFiles();
    const [source] = (
      parse(files.get("provisioning/datasources.yaml") ?? "") as { datasources: { uid: string; type: string }[] }
    ).datasources;
    expect(source).toMatchObject({ uid: DATASOURCE_UID, type: panels[0]?.targets[0]?.datasource.type });
    const variables = (buildDashboard()["templating"] as { list: { name: string; current: { value: unknown } }[] })
      .list;
    expect(variables.find(({ name }) => name === "ds")?.current.value).toBe(DATASOURCE_UID);
  });
});

describe("panels", () => {
  it("have unique ids and titles, a description and a unit", () => {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(panels.map(({ title }) => title)).size).toBe(panels.length);
    for (const { title, description, fieldConfig } of panels) {
      expect(title.length).toBeGreaterThan(3);
      expect(description.length).toBeGreaterThan(20);
      expect(fieldConfig.defaults.unit).not.toBe("");
    }
  });

  it("do not overlap and stay within 24 columns", () => {
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, i) => `${x + (i % w)}/${y + Math.floor(i / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
    expect(Math.max(...panels.map(({ gridPos: { x, w } }) => x + w))).toBe(24);
  });

  it("ask the chosen data source, with unique refIds", () => {
    for (const { targets } of panels) {
      expect(targets.length).toBeGreaterThan(0);
      expect(new Set(targets.map(({ refId }) => refId)).size).toBe(targets.length);
      for (const { datasource } of targets) expect(datasource.uid).toBe("${ds}");
    }
  });

  it("show incidents, the graph, services, edges and the ingest", () => {
    const titles = panels.map(({ title }) => title);
    expect(titles).toEqual(
      expect.arrayContaining(["Open incidents", "Service graph", "Services", "Edges", "Ingest rate", "Dead letters"]),
    );
  });
});

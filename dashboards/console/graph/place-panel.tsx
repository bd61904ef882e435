// One place: its figures, who calls it, whom it calls.
// In: the chosen box and what is drawn. Out: the panel beside the map.
// Bounds: callers and callees worst first; a figure that was not measured is a dash, never a zero.
import { ActionIcon, Button } from "@mantine/core";
import { type ReactNode, useMemo } from "react";
import { HEALTHS } from "../api/types.ts";
import { Section } from "../incident/section.tsx";
import { useLanguage } from "../language/language.tsx";
import type { ViewEdge, ViewGraph, ViewNode } from "../map/view-graph.ts";
import { HealthShape, Icon, KindIcon } from "../shell/icons.tsx";
import { figuresLine } from "./figures.ts";
import classes from "./graph.module.css";
import { IncidentCheck } from "./incident-check.tsx";

interface PlacePanelProps {
  readonly node: ViewNode;
  readonly graph: ViewGraph;
  /** The time that is asked about, RFC 3339. */
  readonly at: string;
  /** Names of the members of a group, worst first. */
  readonly memberName: (id: string) => string;
  readonly onSelect: (id: string | null) => void;
  readonly onOpenGroup: (id: string) => void;
}

/** The panel of a place. */
export function PlacePanel({ node, graph, at, memberName, onSelect, onOpenGroup }: PlacePanelProps): ReactNode {
  const { t, tn, format } = useLanguage();
  const byId = useMemo(() => new Map(graph.nodes.map((one) => [one.id, one])), [graph]);
  const worstFirst = (a: ViewEdge, b: ViewEdge): number =>
    HEALTHS.indexOf(a.health) - HEALTHS.indexOf(b.health) || (b.requestsPerSecond ?? 0) - (a.requestsPerSecond ?? 0);
  const callers = graph.edges.filter((edge) => edge.target === node.id).toSorted(worstFirst);
  const calls = graph.edges.filter((edge) => edge.source === node.id).toSorted(worstFirst);
  const { entity } = node;
  const where = [
    [t("kind.CLUSTER"), entity?.cluster],
    [t("kind.NAMESPACE"), entity?.namespace],
    [t("kind.VERSION"), entity?.version],
    [t("kind.INSTANCE"), entity?.instance],
    [t("kind.NODE"), entity?.node],
    [t("panel.runtime"), entity === null || entity.runtime === "UNKNOWN" ? null : entity.runtime],
  ].filter((pair): pair is [string, string] => typeof pair[1] === "string");
  const figures = [
    [
      t("red.rate"),
      t("red.rate.long"),
      node.requestsPerSecond === null ? null : t("red.per_second", { value: format.rate(node.requestsPerSecond) }),
    ],
    [t("red.errors"), t("red.errors.long"), node.errorRatio === null ? null : format.ratio(node.errorRatio)],
    [t("red.p50"), t("red.p50.long"), node.latencyP50Ms === null ? null : format.latency(node.latencyP50Ms)],
    [t("red.p99"), t("red.p99.long"), node.latencyP99Ms === null ? null : format.latency(node.latencyP99Ms)],
  ] as const;
  return (
    <section className={classes.panel} aria-label={node.label} data-testid="place">
      <header className={classes.panelHead}>
        <div>
          <h2>
            {node.label}
            {node.detail !== "" && <small>{node.detail}</small>}
          </h2>
          <p>
            <HealthShape health={node.health} />
            {t(`health.${node.health}`)}
            {node.kind !== "GROUP" && (
              <span className={classes.kind}>
                <KindIcon kind={node.kind} /> {t(`kind.${node.kind}`)}
              </span>
            )}
          </p>
        </div>
        <ActionIcon variant="subtle" color="gray" onClick={() => onSelect(null)} aria-label={t("panel.close")}>
          <Icon name="close" />
        </ActionIcon>
      </header>
      {node.kind === "GROUP" ? (
        <Section title={tn("group.members", node.members.length)}>
          <Button size="xs" variant="default" onClick={() => onOpenGroup(node.id)}>
            {t("group.open")}
          </Button>
          <ul className={classes.members}>
            {node.members.map((id) => (
              <li key={id}>
                <button type="button" onClick={() => onSelect(id)}>
                  {memberName(id)}
                </button>
              </li>
            ))}
          </ul>
        </Section>
      ) : (
        <dl className={classes.figures} data-testid="red">
          {figures.map(([label, title, value]) => (
            <div key={label}>
              <dt title={title}>{label}</dt>
              <dd>{value ?? <span title={t("red.none")}>–</span>}</dd>
            </div>
          ))}
        </dl>
      )}
      <CallList
        title={t("panel.callers")}
        nothing={t("panel.none.callers")}
        edges={callers}
        end="source"
        byId={byId}
        onSelect={onSelect}
      />
      <CallList
        title={t("panel.calls")}
        nothing={t("panel.none.calls")}
        edges={calls}
        end="target"
        byId={byId}
        onSelect={onSelect}
      />
      {entity !== null && <IncidentCheck key={node.id} entity={entity} at={at} />}
      {where.length > 0 && (
        <Section title={t("panel.where")}>
          <dl className={classes.where}>
            {where.map(([label, value]) => (
              <div key={label}>
                <dt>{label}</dt>
                <dd>{value}</dd>
              </div>
            ))}
          </dl>
        </Section>
      )}
    </section>
  );
}

function CallList(props: {
  title: string;
  nothing: string;
  edges: readonly ViewEdge[];
  end: "source" | "target";
  byId: ReadonlyMap<string, ViewNode>;
  onSelect: (id: string) => void;
}): ReactNode {
  const { t, format } = useLanguage();
  return (
    <Section title={props.title}>
      {props.edges.length === 0 && <p className={classes.dim}>{props.nothing}</p>}
      <ul className={classes.calls}>
        {props.edges.map((edge) => (
          <li key={edge.id}>
            <button type="button" onClick={() => props.onSelect(edge[props.end])}>
              <HealthShape health={edge.health} label={t(`health.${edge.health}`)} />
              <span>
                {props.byId.get(edge[props.end])?.label ?? edge[props.end]}
                {edge.protocols.length > 0 && <small>{edge.protocols.join(", ")}</small>}
              </span>
              <span className={classes.line}>{figuresLine(edge, format, t)}</span>
            </button>
          </li>
        ))}
      </ul>
    </Section>
  );
}

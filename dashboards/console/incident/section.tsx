// A titled part of a panel.
// In: a title and content. Out: a section with a heading.
// Bounds: headings are of the third degree, or of the second where no other heading stands above them.
import type { ReactNode } from "react";
import classes from "./incident.module.css";

/** A titled part of a panel; `degree` is that of its heading. */
export function Section(props: { title: string; degree?: "h2" | "h3"; children: ReactNode }): ReactNode {
  const Heading = props.degree ?? "h3";
  return (
    <section className={classes.section}>
      <Heading>{props.title}</Heading>
      {props.children}
    </section>
  );
}

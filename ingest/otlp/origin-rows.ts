// Where the rows of one table come from: numbers of resource, scope and identity in the block's origins.
// In: numbers, as rows are appended. Out: the numbers, row by row. Bounds: as long as the table has rows.
import { IndexColumn } from "./columns.ts";

/** Where the rows of one table come from: numbers of an OriginTable. */
export class OriginRows {
  readonly resources = new IndexColumn(1024);
  readonly scopes = new IndexColumn(1024);
  readonly identities = new IndexColumn(1024);

  mark(): void {
    this.resources.mark();
    this.scopes.mark();
    this.identities.mark();
  }

  rollback(): void {
    this.resources.rollback();
    this.scopes.rollback();
    this.identities.rollback();
  }

  clear(): void {
    this.resources.clear();
    this.scopes.clear();
    this.identities.clear();
  }
}

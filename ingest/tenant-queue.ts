// What waits, of all tenants: one after the other in turn, so that whoever sends much does not make the others wait behind it.
// In: items with their tenant. Out: items, of one tenant in the order they came.
// Bounds: none of its own; who pushes knows how much room there is (tenant-limits.ts).

/** Items that wait, by tenant. */
export class TenantQueue<Item> {
  private readonly turns = new Map<string, Item[]>();
  private count = 0;

  get length(): number {
    return this.count;
  }

  push(tenant: string, item: Item): void {
    const items = this.turns.get(tenant);
    if (items === undefined) this.turns.set(tenant, [item]);
    else items.push(item);
    this.count++;
  }

  /** The next item of the tenant whose turn it is; undefined when nothing waits. */
  shift(): Item | undefined {
    for (const [tenant, items] of this.turns) {
      const item = items.shift();
      this.turns.delete(tenant);
      // Behind the others.
      if (items.length > 0) this.turns.set(tenant, items);
      if (item === undefined) continue;
      this.count--;
      return item;
    }
    return undefined;
  }
}

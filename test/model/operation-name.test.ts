// Operations by name: one route has one notation, and a span's name says what was done and not to whom.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  declaredRoute,
  derivedRoute,
  fitsRoute,
  MAX_OPERATION_CHARACTERS,
  nameTemplate,
  routeShape,
} from "../../model/operation-name.ts";

describe("a declared route", () => {
  it.each([
    ["GET /cart/{user}", "GET /cart/{user}"],
    ["GET /users/:id", "GET /users/{id}"],
    ["GET /users/:id(\\d+)/posts/:postId?", "GET /users/{id}/posts/{postId}"],
    ["GET /flights/:from-:to", "GET /flights/{from}-{to}"],
    ["POST /v1/orders/{id}:cancel", "POST /v1/orders/{id}:cancel"],
    ["GET /items/<int:item_id>/", "GET /items/{item_id}"],
    ["GET /files/<path:name>", "GET /files/{name}"],
    ["GET ^articles/(?P<year>[0-9]{4})/(?P<slug>[\\w-]+)/$", "GET /articles/{year}/{slug}"],
    ["GET api/{controller}", "GET /api/{controller}"],
    ["/articles/(?P<year>[0-9]{4})/(?P<slug>[\\w-]+)/$", "/articles/{year}/{slug}"],
    ["GET /product/[productId]", "GET /product/{productId}"],
    ["GET /docs/[[...slug]]", "GET /docs/{slug}"],
    ["GET /orders/{id:[0-9]{3,}}", "GET /orders/{id}"],
    ["GET /orders/{id:int}/{tab?}", "GET /orders/{id}/{tab}"],
    ["GET /static/{*path}", "GET /static/{path}"],
    ["GET /static/*", "GET /static/*"],
    ["GET /404", "GET /{id}"],
    ["GET /items", "GET /items"],
    ["GET /orders/3f2504e0-4f89-11d3-9a0c-0305e82c3301", "GET /orders/{id}"],
    ["PROPFIND /dav/{path}", "PROPFIND /dav/{path}"],
    ["hack /x", "_OTHER /x"],
    ["GET /bad\u0007\u202ename", "GET /bad name"],
  ])("%s is %s", (text, name) => {
    expect(declaredRoute(text)).toBe(name);
  });
});

describe("a span's name", () => {
  it.each([
    // SQL
    ["SELECT * FROM users WHERE id = 5", "SELECT users"],
    ["select a.x from orders a join lines l on l.o = a.id where a.u = 'x'", "SELECT orders lines"],
    ["/* app */ INSERT INTO `shop`.`orders` (id) VALUES (7)", "INSERT shop"],
    ["UPDATE accounts SET n = n + 1 WHERE id = $1", "UPDATE accounts"],
    ["DELETE FROM carts WHERE ts < now()", "DELETE carts"],
    ["WITH a AS (SELECT 1) SELECT * FROM a", "WITH a"],
    ["CREATE TABLE IF NOT EXISTS t1 (a int)", "CREATE t1"],
    ["SELECT shop.items", "SELECT shop.items"],
    ["SELECT shop", "SELECT shop"],
    ["INSERT orders", "INSERT orders"],
    ["Update cart", "Update cart"],
    // GraphQL
    ["query GetUser($id: ID!) { user(id: $id) { name } }", "query GetUser"],
    ["mutation { addItem(sku: 5) { id } }", "mutation"],
    ["{ user(id: 5) { name } }", "query"],
    ["query GetUser", "query GetUser"],
    ["graphql.execute", "graphql.execute"],
    // Istio and Envoy
    ["catalog.shop.svc.cluster.local:8080/*", "catalog.shop.svc.cluster.local:8080/*"],
    ["inbound|9080||", "inbound|9080||"],
    ["outbound|9080|v1|reviews.default.svc.cluster.local", "outbound|9080|v1|reviews.default.svc.cluster.local"],
    ["async outbound|9091||auth.svc egress", "async outbound|9091||auth.svc egress"],
    ["egress reviews.default", "egress reviews.default"],
    ["egress 10.0.12.7:41234", "egress {address}"],
    ["ingress", "ingress"],
    // Messaging
    ["orders send", "orders send"],
    ["orders process", "orders process"],
    ["reply-3f2504e0-4f89-11d3-9a0c-0305e82c3301 receive", "reply-{id} receive"],
    ["orders.dlq process", "orders.dlq process"],
    // gRPC, OTel demo
    ["oteldemo.CartService/AddItem", "oteldemo.CartService/AddItem"],
    ["/oteldemo.CartService/AddItem", "/oteldemo.CartService/AddItem"],
    ["orders publish", "orders publish"],
    ["HTTP GET", "HTTP GET"],
    ["HTTP 404", "HTTP 404"],
    [
      "executing api route (pages) /api/products/[productId]/index",
      "executing api route (pages) /api/products/[productId]/index",
    ],
    ["resolve page components", "resolve page components"],
    ["GET /api/cart/7f9c24e8-3b12-4f1e-9a55-0c4b0f9f2d11", "GET /api/cart/{id}"],
    ["GET http://catalog.shop:8080/items/17?x=1", "GET /items/{id}"],
    // Words that change per call
    ["process order 12345", "process order {id}"],
    ["order-12345", "order-{id}"],
    ["task#7000 done", "task#{id} done"],
    ["user jane@example.com logged in", "user {id} logged in"],
    ["job 2026-11-22T10:00:00Z", "job {id}"],
    ["verify eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "verify {id}"],
    ["commit 9fceb02d0ae598e95dc970b74767f19372d61af8", "commit {id}"],
    ["GET user:12345", "GET user:{id}"],
    ["step 2 of 3", "step 2 of 3"],
    ["v2 migrate", "v2 migrate"],
    ["us-east-1 sync", "us-east-1 sync"],
    ["支付 处理", "支付 处理"],
    ["café №5", "café №5"],
    ["line\nbreak\u0000", "line break"],
    ["", ""],
  ])("%s is %s", (text, name) => {
    expect(nameTemplate(text)).toBe(name);
  });
});

describe("any text", () => {
  it("becomes a bounded name that is its own template", () => {
    fc.assert(
      fc.property(
        fc.array(
          fc.oneof(
            fc.string({ unit: "binary" }),
            fc.constantFrom(" ", "/", "SELECT ", " FROM ", "10.0.0.1", "://", "12345", "{", "}", "query "),
          ),
        ),
        (parts) => {
          for (const template of [nameTemplate, declaredRoute, derivedRoute]) {
            const name = template(parts.join(""));
            expect(name.length).toBeLessThanOrEqual(MAX_OPERATION_CHARACTERS);
            expect(name).not.toMatch(/\p{Cc}/u);
          }
        },
      ),
      { numRuns: 1_000 },
    );
  });

  it("takes no long time, however it is made", () => {
    const hostile = [
      "a".repeat(1e6),
      "{".repeat(1e6),
      "1-".repeat(5e5),
      "(?P<".repeat(2e5),
      "a@".repeat(5e5),
      "/:a".repeat(3e5),
    ];
    const before = process.cpuUsage();
    for (const text of hostile) {
      nameTemplate(text);
      declaredRoute(text);
    }
    expect(process.cpuUsage(before).user).toBeLessThan(500_000);
  });
});

describe("a proxy's path", () => {
  it("has the shape of the application's route, whatever the placeholders are called", () => {
    expect(routeShape("GET /cart/{user}")).toBe(routeShape("GET /cart/{id}"));
  });

  it.each([
    ["GET /cart/jane", "GET /cart/{user}", true],
    ["GET /cart/{id}", "GET /cart/{user}", true],
    ["POST /cart/jane", "GET /cart/{user}", false],
    ["GET /cart/jane/items", "GET /cart/{user}", false],
    ["GET /v1/orders/{id}:cancel", "GET /v1/orders/{order}:cancel", true],
    ["GET /v1/orders/{id}:close", "GET /v1/orders/{order}:cancel", false],
    ["GET /a", "GET /b", false],
  ])("%s fits %s: %s", (derived, declared, fits) => {
    expect(fitsRoute(derived, declared)).toBe(fits);
  });
});

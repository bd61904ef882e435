// Route templates: identifiers go, names stay, whatever is written stays bounded.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { ROUTE_TEMPLATE_MAX_BYTES, routeTemplate } from "../../model/route-template.ts";

describe("route template", () => {
  it.each([
    ["", "/"],
    ["/", "/"],
    ["/items", "/items"],
    ["/items/", "/items"],
    ["//items///all", "/items/all"],
    ["/items/42", "/items/{id}"],
    ["/cart/u54", "/cart/{id}"],
    ["/orders/ORD-2026-0001/lines/3", "/orders/{id}/lines/{id}"],
    ["/users/3f2504e0-4f89-11d3-9a0c-0305e82c3301", "/users/{id}"],
    ["/blobs/d41d8cd98f00b204e9800998ecf8427e", "/blobs/{id}"],
    ["/commits/9fceb02", "/commits/{id}"],
    ["/users/jane@example.com/mail", "/users/{id}/mail"],
    ["/search/%E4%B8%96", "/search/{id}"],
    ["/api/v1/items", "/api/v1/items"],
    ["/apis/v1beta2/pods", "/apis/v1beta2/pods"],
    ["/oauth2/token", "/oauth2/token"],
    ["/s3/bucket", "/s3/bucket"],
    ["/items/{id}", "/items/{id}"],
    ["/items?id=5", "/items"],
    ["/items#top", "/items"],
    ["/items;jsessionid=A1", "/items"],
    ["http://catalog.shop.svc.cluster.local/items/7?x=1", "/items/{id}"],
    ["https://api.example.com", "/"],
    ["https://api.example.com?q=1", "/"],
    ["/pay.v1.Pay/Charge", "/pay.v1.Pay/Charge"],
    ["/a/b/c/d/e/f/g/h/i/j", "/a/b/c/d/e/f/g/h/*"],
    // The OTel demo's product codes, and what it serves.
    ["/api/products/OLJCESPC7Z", "/api/products/{id}"],
    ["/api/products/HQTGWGPNHG", "/api/products/{id}"],
    ["/api/products/LS4PSXUNUM?currencyCode=USD", "/api/products/{id}"],
    ["/images/products/NationalParkFoundation.jpg", "/images/products/NationalParkFoundation.jpg"],
    ["/_next/static/chunks/pages/_app-7f3ee0f7a0b7a6d2.js", "/_next/static/chunks/pages/{id}.js"],
    ["/_next/data/b2kSDfUk31aGx/cart.json", "/_next/data/{id}/cart.json"],
    ["/assets/main-BX3aQ9zP.css", "/assets/{id}.css"],
    ["/lib/jquery.min.js", "/lib/jquery.min.js"],
    ["/reports/2026-11-22.pdf", "/reports/{id}.pdf"],
    ["/favicon.ico", "/favicon.ico"],
    ["/watch/dQw4w9WgXcQ", "/watch/{id}"],
    ["/v1/orders/123:cancel", "/v1/orders/{id}:cancel"],
    ["/v1/items:batchGet", "/v1/items:batchGet"],
    ["/1.1/statuses/update.json", "/1.1/statuses/update.json"],
    ["/en-US/products/42", "/en-US/products/{id}"],
    ["/zh-CN/商品/42", "/zh-CN/商品/{id}"],
    ["/verify/eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2ln", "/verify/{id}"],
    ["/daily/2026/11/22", "/daily/{id}/{id}/{id}"],
    ["/at/52.52,13.40", "/at/{id}"],
    ["/blob/ZmF1bHRsaW5l%3D%3D", "/blob/{id}"],
    ["/doc/01ARZ3NDEKTSV4RRFFQ69G5FAV", "/doc/{id}"],
    ["/users/507f1f77bcf86cd799439011/x", "/users/{id}/x"],
    ["/graphql", "/graphql"],
    ["/CHECKOUT/CONFIRMATION", "/CHECKOUT/CONFIRMATION"],
    ["/oauth2Callback", "/oauth2Callback"],
    ["/getOrder2Items", "/getOrder2Items"],
    ["/{p12}/{id2}", "/{p12}/{id2}"],
    ["/recommendations/home", "/recommendations/home"],
    ["/product-list/item-12", "/product-list/{id}"],
    [`/${"word-".repeat(40)}`, "/{id}"],
  ])("%s → %s", (path, template) => {
    expect(routeTemplate(path)).toBe(template);
  });

  it("is bounded, starts with a slash and is its own template, for any text", () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("/", "?", "://", "v1", "42", "é"))),
        (parts) => {
          const template = routeTemplate(parts.join(""));
          expect(Buffer.byteLength(template)).toBeLessThanOrEqual(ROUTE_TEMPLATE_MAX_BYTES);
          expect(template).not.toMatch(/[?#;]/);
          if (template.startsWith("/")) expect(routeTemplate(template)).toBe(template);
        },
      ),
      { numRuns: 2_000 },
    );
  });
});

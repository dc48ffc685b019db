import { expect, it } from "vitest";

import { groupsAt } from "@/shared/authentication/groups";

it.each([
  ["cognito:groups", { "cognito:groups": ["a", "b"] }, ["a", "b"]],
  ["realm_access.roles", { realm_access: { roles: ["a"] } }, ["a"]],
  ["https://x.example/roles", { "https://x.example/roles": "a" }, ["a"]],
  ["resource.my.client.roles", { resource: { "my.client": { roles: ["a", 7, ""] } } }, ["a"]],
  ["groups", {}, []],
  ["a.b", { a: null }, []],
  ["constructor", {}, []],
])("finds the groups at %s", (path, claims, groups) => {
  expect(groupsAt(claims, path)).toEqual(groups);
});

// Evaluates requests as IAM does: a line of JSON in, a line of JSON out, until the input ends.
//
// In: {identity, boundary, resource, endpoint, requests}: policy documents (boundary and resource may be null), and
// requests {principal, action, on, account, context}. Out: a list of "Allowed", "ImplicitlyDenied", "ExplicitlyDenied",
// or {error}: the action, its resource or a condition key does not exist, or a policy is not valid.
import { createInterface } from "node:readline";
import { runSimulation } from "@cloud-copilot/iam-simulate";

async function evaluate(policies, request) {
  const answer = await runSimulation(
    {
      request: {
        principal: request.principal,
        action: request.action,
        resource: { resource: request.on, accountId: request.account },
        contextVariables: request.context,
      },
      identityPolicies: policies.identity.map((policy, index) => ({ name: `identity${index}`, policy })),
      permissionBoundaryPolicies: policies.boundary && [{ name: "boundary", policy: policies.boundary }],
      resourcePolicy: policies.resource ?? undefined,
      serviceControlPolicies: [],
      resourceControlPolicies: [],
    },
    { simulationMode: "Strict" },
  );
  if (answer.resultType === "error") return { error: JSON.stringify(answer.errors) };
  if (answer.resultType !== "single" && request.on !== "*") return { error: `${request.on} is a pattern` };
  const ignored = (answer.result ?? answer.results?.[0])?.ignoredContextKeys ?? [];
  const unknown = ignored.filter((key) => request.required?.includes(key));
  if (unknown.length) return { error: `${request.action} has no condition key ${unknown.join(", ")}` };
  return answer.overallResult;
}

for await (const line of createInterface({ input: process.stdin })) {
  const { requests, ...policies } = JSON.parse(line);
  const answers = [];
  for (const request of requests) answers.push(await evaluate(policies, request));
  process.stdout.write(`${JSON.stringify(answers)}\n`);
}

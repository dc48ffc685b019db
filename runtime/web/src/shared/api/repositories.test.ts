import { describe, expect, it } from "vitest";

import { createRepositories } from "@/shared/api/repositories";
import type { RequestOptions } from "@/shared/api/request";

const ASKED = { repository: { repositoryId: "docs 1", type: "pgvector" }, embeddingModel: "m", count: 4 };

async function search(query: string, answer: unknown) {
  const sent: { url: string; options: RequestOptions }[] = [];
  const repositories = createRepositories((url, options = {}) => {
    sent.push({ url, options });
    return Promise.resolve(new Response(JSON.stringify(answer)));
  }, "http://api/prod");
  const chunks = await repositories.search({ ...ASKED, query }, new AbortController().signal);
  return { sent, chunks };
}

describe("search", () => {
  it.each(["x", "ü", "漢", "&", "🚢"])("sends a question of any length in the body (%s)", async (character) => {
    const query = character.repeat(10_000 / character.length);
    const { sent } = await search(query, { docs: [] });
    expect(sent).toHaveLength(1);
    expect(sent[0]?.url).toBe("http://api/prod/repository/docs%201/similaritySearch");
    expect(sent[0]?.options.method).toBe("POST");
    expect(sent[0]?.options.body).toEqual({ modelName: "m", query, repositoryType: "pgvector", topK: 4 });
  });

  it("gives the texts with their sources", async () => {
    const { chunks } = await search("q", {
      docs: [
        { Document: { page_content: "one", metadata: { source: "s3://b/one.txt" } } },
        { Document: { page_content: "two", metadata: {} } },
      ],
    });
    expect(chunks).toEqual([
      { source: "s3://b/one.txt", content: "one" },
      { source: "Unnamed document", content: "two" },
    ]);
  });
});

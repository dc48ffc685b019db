import { describe, expect, it } from "vitest";

import type { Message } from "@/features/chat/message";
import {
  buildPrompt,
  contextOf,
  DEFAULT_PROMPT,
  readPromptSettings,
  recentExchanges,
  rephrasingPrompt,
  templateProblem,
} from "@/features/chat/prompt";

const HISTORY = [{ question: "Who?", answer: "Ada." }];
const TEXT = { ...DEFAULT_PROMPT, format: "text" as const };

function exchange(question: string, answer: string, status: "complete" | "failed" | "stopped" = "complete"): Message[] {
  const rest = { chosen: 0, error: null, metadata: null, stored: null, status };
  return [
    { role: "human", id: `q-${question}`, content: question, stored: null },
    { role: "ai", id: `a-${question}`, alternatives: [answer], ...rest },
  ];
}

describe("recentExchanges", () => {
  const messages = [...exchange("1", "a"), ...exchange("2", "", "failed"), ...exchange("3", "c", "stopped")];

  it("keeps the last ones, oldest first, without those that failed", () => {
    expect(recentExchanges(messages, 10).map(({ question }) => question)).toEqual(["1", "3"]);
    expect(recentExchanges(messages, 1).map(({ question }) => question)).toEqual(["3"]);
    expect(recentExchanges(messages, 0)).toEqual([]);
  });

  it("leaves out an answer that was stopped before its first word", () => {
    expect(recentExchanges(exchange("1", " ", "stopped"), 10)).toEqual([]);
  });
});

describe("buildPrompt with messages", () => {
  it("tells instructions and context, then the conversation by roles", () => {
    const settings = { ...DEFAULT_PROMPT, instructions: "Be brief." };
    expect(buildPrompt(settings, HISTORY, "Why?", "[x.txt]\nfact")).toEqual([
      { role: "system", content: "Be brief.\n\nUse the following context to answer, where it helps.\n\n[x.txt]\nfact" },
      { role: "user", content: "Who?" },
      { role: "assistant", content: "Ada." },
      { role: "user", content: "Why?" },
    ]);
  });

  it("has no system message when there is nothing to tell", () => {
    expect(buildPrompt({ ...DEFAULT_PROMPT, instructions: " " }, [], "Why?", "")).toEqual([
      { role: "user", content: "Why?" },
    ]);
  });
});

describe("buildPrompt with a template", () => {
  it("fills every place, with the prefixes before each speaker", () => {
    const settings = {
      ...TEXT,
      template: "{context}|{history}|{human}: {input}|{ai}:",
      humanPrefix: "H",
      aiPrefix: "A",
    };
    expect(buildPrompt(settings, HISTORY, "Why?", "fact")).toEqual([
      { role: "user", content: "fact|H: Who?\nA: Ada.|H: Why?|A:" },
    ]);
  });

  it("fills in nothing that a question, an answer or a document says", () => {
    const [message] = buildPrompt({ ...TEXT, template: "{input}" }, [], "{history} $& {context}", "secret");
    expect(message?.content).toBe("{history} $& {context}");
  });
});

describe("contextOf", () => {
  it("names where each part comes from", () => {
    expect(contextOf({ name: "a.txt", text: "A" }, [{ source: "s3://b/c.txt", content: "C" }])).toBe(
      "[a.txt]\nA\n\n[s3://b/c.txt]\nC",
    );
    expect(contextOf(null, [])).toBe("");
  });
});

it("the prompt for a standalone question has the conversation and the question", () => {
  expect(rephrasingPrompt(DEFAULT_PROMPT, HISTORY, "And when?")[0]?.content).toMatch(
    /Human: Who\?\nAI: Ada\.\n\nLast question: And when\?/,
  );
});

it("a template needs a place for the question", () => {
  expect(templateProblem("{history}")).toContain("{input}");
  expect(templateProblem(DEFAULT_PROMPT.template)).toBeNull();
});

it("settings of any shape can be read", () => {
  expect(readPromptSettings(null)).toEqual(DEFAULT_PROMPT);
  expect(readPromptSettings({ format: "text", template: 7, aiPrefix: "Bot" })).toEqual({ ...TEXT, aiPrefix: "Bot" });
});

import { describe, expect, it } from "vitest";

import { commonLength, identified, type IdentifiedMessage, mergeMessages } from "@/features/chat/merging";

const q = (id: string): IdentifiedMessage => ({ type: "human", id, content: `question ${id}` });
const a = (id: string, content = `answer ${id}`, status = "complete"): IdentifiedMessage => ({
  type: "ai",
  id,
  content,
  metadata: { status },
});

const BASE = [q("q1"), a("a1")];

function merge(mine: IdentifiedMessage[], theirs: IdentifiedMessage[], base = BASE) {
  return mergeMessages(base, mine, theirs);
}

function ids(messages: IdentifiedMessage[]): string[] {
  return messages.map(({ id }) => id);
}

describe("mergeMessages", () => {
  it("keeps what both appended, what was stored first coming first", () => {
    const merged = merge([...BASE, q("qA"), a("aA")], [...BASE, q("qB"), a("aB")]);
    expect(ids(merged)).toEqual(["q1", "a1", "qB", "aB", "qA", "aA"]);
  });

  it("changes nothing when it is done again, or when there is nothing to merge", () => {
    const theirs = [...BASE, q("qB"), a("aB")];
    const merged = merge([...BASE, q("qA")], theirs);
    expect(merge(merged, theirs)).toEqual(merged);
    expect(merge(BASE, theirs)).toEqual(theirs);
    expect(merge(theirs, BASE)).toEqual(theirs);
  });

  it("comes to the same in both tabs, whichever is stored first", () => {
    const [one, two] = [
      [...BASE, q("qA"), a("aA")],
      [...BASE, q("qB"), a("aB")],
    ];
    const stored = merge(one, two);
    expect(merge(two, stored, two)).toEqual(stored);
  });

  it("puts an answer after its question, also when more follows by now", () => {
    const asked = [...BASE, q("qA")];
    const merged = merge([...asked, a("aA")], [...asked, q("qB"), a("aB")], asked);
    expect(ids(merged)).toEqual(["q1", "a1", "qA", "aA", "qB", "aB"]);
  });

  it("takes the side that changed a message", () => {
    const base = [q("q1"), a("a1", "Be", "partial")];
    const longer = [q("q1"), a("a1", "Because", "complete")];
    expect(merge(longer, base, base)).toEqual(longer);
    expect(merge(base, longer, base)).toEqual(longer);
  });

  it("takes the finished, then the longer answer when both sides changed it", () => {
    const at = (content: string, status: string) => [q("q1"), a("a1", content, status)];
    const base = at("B", "partial");
    expect(merge(at("Because it", "partial"), at("Because", "stopped"), base)).toEqual(at("Because", "stopped"));
    expect(merge(at("Because", "stopped"), at("Because it", "partial"), base)).toEqual(at("Because", "stopped"));
    expect(merge(at("Bec", "partial"), at("Becau", "partial"), base)).toEqual(at("Becau", "partial"));
    expect(merge(at("Becau", "partial"), at("Bec", "partial"), base)).toEqual(at("Becau", "partial"));
  });

  it("replaces an answer that was asked for again, beside what the other appended", () => {
    const merged = merge([q("q1"), a("a2")], [...BASE, q("qB"), a("aB")]);
    expect(ids(merged)).toEqual(["q1", "a2", "qB", "aB"]);
    expect(ids(merge([...BASE, q("qB"), a("aB")], [q("q1"), a("a2")]))).toEqual(["q1", "a2", "qB", "aB"]);
  });

  it("keeps both answers when both asked again", () => {
    expect(ids(merge([q("q1"), a("a2")], [q("q1"), a("a3")]))).toEqual(["q1", "a3", "a2"]);
  });

  it("keeps an answer that one side deleted and the other changed, or still receives", () => {
    const changed = { ...a("a1"), metadata: { status: "complete", chosen: 1 } };
    expect(ids(merge([q("q1"), a("a2")], [q("q1"), changed]))).toEqual(["q1", "a1", "a2"]);
    const base = [q("q1"), a("a1", "B", "partial")];
    expect(ids(merge(base, [q("q1"), a("a2")], base))).toEqual(["q1", "a2", "a1"]);
  });

  it("counts nothing as deleted when it is not known what both had", () => {
    expect(ids(merge([q("q1"), a("a2")], BASE, []))).toEqual(["q1", "a1", "a2"]);
  });

  it("loses nothing for any of many pairs of histories", () => {
    for (let seed = 0; seed < 300; seed += 1) {
      const pick = (bit: number) => ((seed * 2654435761) >>> bit) & 1;
      const append = (side: string) =>
        [0, 1, 2].flatMap((turn) =>
          pick(turn + (side === "A" ? 3 : 9)) ? [q(`q${side}${turn}`), a(`a${side}${turn}`)] : [],
        );
      const [mine, theirs] = [
        [...BASE, ...append("A")],
        [...BASE, ...append("B")],
      ];
      const merged = ids(merge(mine, theirs));
      expect(new Set(merged)).toEqual(new Set([...ids(mine), ...ids(theirs)]));
      expect(merged).toHaveLength(new Set(merged).size);
      // Each answer directly follows its question.
      merged.forEach((id, index) => id.startsWith("a") && expect(merged[index - 1]).toBe(id.replace("a", "q")));
    }
  });
});

describe("identified", () => {
  it("gives messages of LISA 2.x the same ids wherever they are read", () => {
    const legacy = [
      { type: "human", content: "x" },
      { type: "ai", content: "y" },
    ];
    expect(ids(identified(legacy))).toEqual(["message-0", "message-1"]);
    expect(identified(legacy)).toEqual(identified([...legacy, { type: "human", content: "z" }]).slice(0, 2));
  });

  it("makes ids unique that are not, or that are none", () => {
    const odd = ["message-2", "message-2", "message-2", "", 7].map((id) => ({ type: "human", id, content: "" }));
    expect(new Set(ids(identified(odd as never)))).toHaveProperty("size", 5);
  });
});

describe("commonLength", () => {
  it("is where two conversations part", () => {
    expect(commonLength(BASE, BASE)).toBe(2);
    expect(commonLength(BASE, [...BASE, q("q2")])).toBe(2);
    expect(commonLength(BASE, [q("q1"), a("a2")])).toBe(1);
    expect(commonLength([], BASE)).toBe(0);
  });
});

import { describe, expect, it } from "vitest";

import { createEventParser, readEvents } from "@/shared/api/eventStream";

const STREAM = 'data: {"a":1}\n\n: a comment\nevent: x\ndata: first\ndata: second\r\n\r\ndata:[DONE]\n\n';
const EVENTS = ['{"a":1}', "first\nsecond", "[DONE]"];

describe("createEventParser", () => {
  it("reads events that come whole", () => {
    expect(createEventParser()(STREAM)).toEqual(EVENTS);
  });

  it("reads the same events however the text is cut", () => {
    for (let size = 1; size < STREAM.length; size += 1) {
      const parse = createEventParser();
      const chunks = Array.from({ length: Math.ceil(STREAM.length / size) }, (_, index) =>
        STREAM.slice(index * size, (index + 1) * size),
      );
      expect(chunks.flatMap(parse), `chunks of ${size}`).toEqual(EVENTS);
    }
  });

  it("takes a carriage return alone as a line break, and two chunks' halves of one as one", () => {
    const parse = createEventParser();
    expect(parse("data: a\r\rdata: b\r")).toEqual(["a"]);
    expect(parse("\n\r\n")).toEqual(["b"]);
  });

  it("drops an event that never ends, and a byte order mark", () => {
    const parse = createEventParser();
    expect(parse("\uFEFFdata: a\n\ndata: b\n")).toEqual(["a"]);
  });

  it("keeps empty data and all spaces but the first", () => {
    expect(createEventParser()("data\n\ndata:  a\n\n")).toEqual(["", " a"]);
  });
});

describe("readEvents", () => {
  it("joins characters whose bytes come in two chunks", async () => {
    const bytes = new TextEncoder().encode("data: Zürich 😀\n\n");
    const body = new ReadableStream<Uint8Array>({
      start(controller) {
        bytes.forEach((byte) => controller.enqueue(new Uint8Array([byte])));
        controller.close();
      },
    });
    const events: string[] = [];
    for await (const event of readEvents(body)) events.push(event);
    expect(events).toEqual(["Zürich 😀"]);
  });

  it("cancels the stream when nobody reads on", async () => {
    let cancelled = false;
    const body = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.enqueue(new TextEncoder().encode("data: a\n\n")),
      cancel: () => void (cancelled = true),
    });
    for await (const event of readEvents(body)) {
      expect(event).toBe("a");
      break;
    }
    expect(cancelled).toBe(true);
  });
});

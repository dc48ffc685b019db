/**
 * Server-sent events (HTML Standard, section 9.2) from chunks of text that may break anywhere.
 *
 * Call the parser with each chunk; it returns the data of the events that are whole by then. An event whose empty line
 * never comes is dropped, as the standard says.
 */
export function createEventParser(): (chunk: string) => string[] {
  let rest = "";
  let data: string[] = [];
  let first = true;
  return (chunk) => {
    let text = rest + chunk;
    if (first && text !== "") {
      text = text.replace(/^\uFEFF/, "");
      first = false;
    }
    // A carriage return at the end may be half of a line break.
    const held = text.endsWith("\r") ? "\r" : "";
    const lines = text.slice(0, text.length - held.length).split(/\r\n|\n|\r/);
    rest = (lines.pop() ?? "") + held;
    const events: string[] = [];
    for (const line of lines) {
      if (line === "") {
        if (data.length > 0) events.push(data.join("\n"));
        data = [];
      } else if (line === "data" || line.startsWith("data:")) {
        data.push(line.slice("data:".length).replace(/^ /, ""));
      }
    }
    return events;
  };
}

/** The data of each event of a response, as it comes. */
export async function* readEvents(body: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  const parse = createEventParser();
  try {
    for (;;) {
      const { done, value } = await reader.read();
      yield* parse(decoder.decode(value, { stream: !done }));
      if (done) return;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

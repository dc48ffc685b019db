import { expect, it } from "vitest";

import { readContextFile } from "@/features/chat/contextFile";

it("reads UTF-8 text of 10 KB", async () => {
  expect(await readContextFile(new File(["é".repeat(5 * 1024)], "a.txt"))).toMatchObject({ name: "a.txt" });
});

it.each([
  ["a".repeat(10 * 1024 + 1), "larger than 10 KB"],
  [new Uint8Array([0xff, 0xfe, 0x00]), "not a text file in UTF-8"],
  ["a\0b", "not a text file"],
  [" \n", "is empty"],
])("refuses what is no such text", async (content, reason) => {
  await expect(readContextFile(new File([content], "a.txt"))).rejects.toThrow(reason);
});

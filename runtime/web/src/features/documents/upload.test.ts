import { describe, expect, it } from "vitest";

import { chunkProblem, FILE_LIMIT, fileProblem } from "@/features/documents/upload";

describe("fileProblem", () => {
  it.each([
    ["report.PDF", 1, null],
    ["notes.md", FILE_LIMIT, null],
    ["table.xlsx", 1, "Unsupported file type. Use text, PDF or DOCX (.txt, .md, .pdf, .docx)."],
    ["big.txt", FILE_LIMIT + 1, "The file is larger than 50 MB."],
    ["empty.txt", 0, "The file is empty."],
  ])("of %s with %d bytes is %s", (name, size, problem) => {
    expect(fileProblem({ name, size })).toBe(problem);
  });
});

describe("chunkProblem", () => {
  it.each([
    ["512", "51", true, true],
    ["99", "0", false, true],
    ["512", "512", true, false],
    ["512", "", true, false],
    ["x", "1", false, false],
  ])("of %s and %s", (size, overlap, sizeFits, overlapFits) => {
    const problems = chunkProblem(size, overlap);
    expect([problems.size === null, problems.overlap === null]).toEqual([sizeFits, overlapFits]);
  });
});

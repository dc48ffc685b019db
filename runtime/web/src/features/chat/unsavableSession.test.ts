import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";

import { REQUEST, Service, open, settle } from "@/features/chat/conversationStandIns";
import { ApiError } from "@/shared/api/request";
import type { StoredMessage } from "@/shared/api/sessions";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

describe("a session that cannot be saved", () => {
  it.each([0, 429, 503])("because of status %d is saved again by itself", async (status) => {
    const service = new Service();
    const { conversation, model } = open(service);
    service.failures = [new ApiError("Later.", status), new ApiError("Later.", status)];
    conversation.ask("Why?", REQUEST);
    await settle();
    expect(conversation.getState().saving).toEqual({ kind: "waiting", message: "Later." });
    await vi.advanceTimersByTimeAsync(10_000);
    expect(conversation.getState().saving).toEqual({ kind: "saved" });
    await model.says("Because", null);
    expect(service.texts()).toEqual(["Why?", "Because"]);
  });

  it.each([401, 413])("because of status %d waits for the user, or a new token", async (status) => {
    const service = new Service();
    const { conversation, api } = open(service);
    service.failures = [new ApiError("No.", status)];
    conversation.ask("Why?", REQUEST);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(conversation.getState().saving).toEqual({ kind: "refused", message: "No." });
    expect(service.writes).toHaveLength(1);
    conversation.connect({ ...api });
    await settle();
    expect(conversation.getState().saving).toEqual({ kind: "saved" });
    expect(service.texts()[0]).toBe("Why?");
  });

  it("because it was deleted elsewhere is not created again, and can be kept as another", async () => {
    const service = new Service();
    const { conversation, model } = open(service);
    conversation.ask("Why?", REQUEST);
    await settle();
    service.stored = null;
    await model.says("Because", null);
    expect(conversation.getState().saving).toEqual({ kind: "deleted" });
    conversation.ask("And?", REQUEST);
    conversation.flush();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(service.stored).toBeNull();
  });

  it("is found to be deleted when its page is looked at again", async () => {
    const service = new Service();
    const { conversation, model } = open(service);
    conversation.ask("Why?", REQUEST);
    await model.says("Because", null);
    service.stored = null;
    await conversation.refresh();
    expect(conversation.getState().saving).toEqual({ kind: "deleted" });
  });

  it("whose write was done without an answer is not told twice", async () => {
    const service = new Service();
    const { conversation, model, shown } = open(service);
    service.answers = false;
    conversation.ask("Why?", REQUEST);
    await settle();
    const messages: StoredMessage[] = service.stored?.messages ?? [];
    expect(messages).toHaveLength(2);
    service.answers = true;
    conversation.flush();
    await model.says("Because", null);
    await vi.advanceTimersByTimeAsync(5_000);
    expect(shown()).toEqual(["Why?", "Because"]);
  });
});

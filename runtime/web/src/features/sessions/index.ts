/** Sessions: the list of the caller's conversations; loaded when it is first opened. */

import { lazy } from "react";

export const SessionList = lazy(async () => ({
  default: (await import("@/features/sessions/SessionList")).SessionList,
}));

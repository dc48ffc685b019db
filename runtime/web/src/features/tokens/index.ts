/** API tokens; loaded when the page is first opened. */

import { lazy } from "react";

export const TokensPage = lazy(async () => ({ default: (await import("@/features/tokens/TokensPage")).TokensPage }));

/** Model management, for administrators; loaded when it is first opened. */

import { lazy } from "react";

export const ModelsPage = lazy(async () => ({ default: (await import("@/features/models/ModelsPage")).ModelsPage }));

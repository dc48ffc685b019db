import I18nProvider from "@cloudscape-design/components/i18n";
import messages from "@cloudscape-design/components/i18n/messages/all.en";
import { QueryClientProvider } from "@tanstack/react-query";
import { useState } from "react";
import { Router } from "wouter";
import { useHashLocation } from "wouter/use-hash-location";

import { ErrorBoundary } from "@/app/ErrorBoundary";
import { createQueryClient } from "@/app/queryClient";
import { Shell } from "@/app/Shell";
import { SignInGate } from "@/app/SignInGate";
import type { Environment } from "@/shared/environment";
import { EnvironmentProvider } from "@/shared/environmentContext";
import { NotificationsProvider } from "@/shared/notifications";

/** The application: settings, sign-in, and the frame around the screens. */
export function App({ environment }: { environment: Environment }) {
  const [queryClient] = useState(createQueryClient);
  return (
    <I18nProvider locale="en" messages={[messages]}>
      <ErrorBoundary>
        <EnvironmentProvider value={environment}>
          <QueryClientProvider client={queryClient}>
            <SignInGate>
              <NotificationsProvider>
                <Router hook={useHashLocation}>
                  <Shell />
                </Router>
              </NotificationsProvider>
            </SignInGate>
          </QueryClientProvider>
        </EnvironmentProvider>
      </ErrorBoundary>
    </I18nProvider>
  );
}

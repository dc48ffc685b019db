import type { AppLayoutProps } from "@cloudscape-design/components/app-layout";
import AppLayoutToolbar from "@cloudscape-design/components/app-layout-toolbar";
import BreadcrumbGroup from "@cloudscape-design/components/breadcrumb-group";
import SideNavigation, { type SideNavigationProps } from "@cloudscape-design/components/side-navigation";
import { Suspense, useState } from "react";
import { useLocation } from "wouter";

import { Banner } from "@/app/Banner";
import { useChatScreen } from "@/app/useChatScreen";
import { Screen } from "@/app/Screen";
import { TopBar } from "@/app/TopBar";
import { useCaller } from "@/shared/authentication/caller";
import { Notifications } from "@/shared/notifications";
import { Loading } from "@/shared/ui/Loading";

const LABELS: AppLayoutProps.Labels = {
  navigation: "Navigation",
  navigationClose: "Close the navigation",
  navigationToggle: "Open the navigation",
  notifications: "Notifications",
  drawers: "Panels",
  drawersOverflow: "More panels",
  drawersOverflowWithBadge: "More panels",
};

/** The frame around the screens: top bar, navigation, notifications, and the panels of the chat. */
export function Shell() {
  const [path, navigate] = useLocation();
  const [navigationOpen, setNavigationOpen] = useState(() => window.innerWidth > 1200);
  const chat = useChatScreen(path, navigate);
  return (
    <>
      <div id="lisa-header">
        <Banner place="top" />
        <TopBar onHome={() => navigate("/")} />
      </div>
      <AppLayoutToolbar
        headerSelector="#lisa-header"
        footerSelector="#lisa-footer"
        ariaLabels={LABELS}
        contentType={path === "/models" || path === "/tokens" ? "table" : "default"}
        maxContentWidth={Number.MAX_VALUE}
        breadcrumbs={<Breadcrumbs path={path} onNavigate={navigate} />}
        navigation={<Navigation path={path} onNavigate={navigate} />}
        navigationWidth={240}
        navigationOpen={navigationOpen}
        onNavigationChange={({ detail }) => setNavigationOpen(detail.open)}
        toolsHide
        {...(chat.open
          ? { drawers: chat.drawers, activeDrawerId: chat.drawer, onDrawerChange: chat.onDrawerChange }
          : {})}
        disableContentPaddings={chat.open}
        stickyNotifications
        notifications={<Notifications />}
        content={
          <Suspense fallback={<Loading what="Loading the page" />}>
            <Screen path={path} navigate={navigate} chat={chat.content} />
          </Suspense>
        }
      />
      <div id="lisa-footer">
        <Banner place="bottom" />
      </div>
      {chat.dialog}
    </>
  );
}

const PAGES: Record<string, string> = { "/models": "Model management", "/tokens": "API tokens" };

function Breadcrumbs({ path, onNavigate }: { path: string; onNavigate: (path: string) => void }) {
  const name = path.startsWith("/chat") ? "Chat" : (PAGES[path] ?? "Home");
  return (
    <BreadcrumbGroup
      ariaLabel="Breadcrumbs"
      items={[
        { text: "LISA", href: "#/" },
        { text: name, href: `#${path}` },
      ]}
      onFollow={(event) => {
        event.preventDefault();
        onNavigate(event.detail.href.slice(1));
      }}
    />
  );
}

function Navigation({ path, onNavigate }: { path: string; onNavigate: (path: string) => void }) {
  const { isAdmin } = useCaller();
  const items: SideNavigationProps.Item[] = [
    { type: "link", text: "Home", href: "#/" },
    { type: "link", text: "Chat", href: "#/chat" },
    { type: "link", text: "API tokens", href: "#/tokens" },
    ...(isAdmin
      ? [
          {
            type: "section-group" as const,
            title: "Administration",
            items: [{ type: "link" as const, text: "Model management", href: "#/models" }],
          },
        ]
      : []),
  ];
  return (
    <SideNavigation
      items={items}
      activeHref={path.startsWith("/chat") ? "#/chat" : `#${path}`}
      onFollow={(event) => {
        event.preventDefault();
        onNavigate(event.detail.href.slice(1));
      }}
    />
  );
}

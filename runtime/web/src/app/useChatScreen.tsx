import type { AppLayoutProps } from "@cloudscape-design/components/app-layout";
import { Suspense, useState } from "react";

import { ChatPage, readChatSettings, SettingsPanel, useOpenConversations } from "@/features/chat";
import { RetrievalForm, UploadDialog, useDocumentSearch } from "@/features/documents";
import { SessionList } from "@/features/sessions";
import { useStoredState } from "@/shared/storedState";
import { Loading } from "@/shared/ui/Loading";

const SESSION_PATH = /^\/chat(?:\/([A-Za-z0-9_-]{1,64}))?$/;

/** Brings chat, sessions and documents together: what the layout shows when the address is one of the chat. */
export function useChatScreen(path: string, navigate: (path: string, options?: { replace?: boolean }) => void) {
  const [settings, setSettings] = useStoredState("lisa.chat", readChatSettings);
  const [newSession, setNewSession] = useState<string>(() => crypto.randomUUID());
  const [drawer, setDrawer] = useState<string | null>(() => (window.innerWidth > 1400 ? "sessions" : null));
  const [uploading, setUploading] = useState(false);
  const search = useDocumentSearch();
  const conversations = useOpenConversations();
  const address = SESSION_PATH.exec(path);
  // A session that has begun has an address of its own; the next one at /chat is another.
  if (address?.[1] === newSession) setNewSession(crypto.randomUUID());
  const sessionId = address?.[1] ?? newSession;
  const beginNew = () => {
    setNewSession(crypto.randomUUID());
    navigate("/chat");
  };
  const openUpload = () => setUploading(true);
  const drawers: AppLayoutProps.Drawer[] = [
    {
      id: "sessions",
      ariaLabels: drawerLabels("Sessions"),
      trigger: { iconName: "history" },
      resizable: true,
      defaultSize: 320,
      content: (
        <Suspense fallback={<Loading what="Loading the sessions" />}>
          <SessionList current={sessionId} onOpen={(id) => navigate(`/chat/${id}`)} onNew={beginNew} />
        </Suspense>
      ),
    },
    {
      id: "settings",
      ariaLabels: drawerLabels("Chat settings"),
      trigger: { iconName: "settings" },
      resizable: true,
      defaultSize: 360,
      content: (
        <Suspense fallback={<Loading what="Loading the settings" />}>
          <SettingsPanel
            settings={settings}
            onChange={setSettings}
            retrieval={search && <RetrievalForm search={search} onUpload={openUpload} />}
          />
        </Suspense>
      ),
    },
  ];
  return {
    open: address !== null,
    drawers,
    drawer,
    onDrawerChange: ({ detail }: { detail: AppLayoutProps.DrawerChangeDetail }) => setDrawer(detail.activeDrawerId),
    content: address && (
      <ChatPage
        key={sessionId}
        sessionId={sessionId}
        isNew={address[1] === undefined}
        settings={settings}
        onSettings={setSettings}
        retrieval={search?.retrieval ?? null}
        onUpload={search && openUpload}
        conversations={conversations}
        onAsked={() => {
          if (path === "/chat") navigate(`/chat/${sessionId}`, { replace: true });
        }}
        onOpen={(id) => navigate(`/chat/${id}`)}
      />
    ),
    dialog: uploading && search && (
      <Suspense>
        <UploadDialog search={search} onClose={() => setUploading(false)} />
      </Suspense>
    ),
  };
}

function drawerLabels(drawerName: string): AppLayoutProps.DrawerAriaLabels {
  return {
    drawerName,
    triggerButton: drawerName,
    closeButton: `Close ${drawerName.toLowerCase()}`,
    resizeHandle: `Resize ${drawerName.toLowerCase()}`,
  };
}

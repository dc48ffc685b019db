import { createContext, useCallback, useContext, useMemo, useState, type ReactNode } from "react";
import Flashbar, { type FlashbarProps } from "@cloudscape-design/components/flashbar";

export interface Notification {
  type: "success" | "error" | "warning" | "info";
  header: string;
  content?: string;
  action?: ReactNode;
  /** Two notifications with one id replace each other. */
  id?: string;
}

export type Notify = (notification: Notification) => void;

const SHOWN_MS = 6_000;

const NotifyContext = createContext<Notify | null>(null);
const ItemsContext = createContext<FlashbarProps.MessageDefinition[]>([]);

export function NotificationsProvider({ children }: { children: ReactNode }) {
  const [items, setItems] = useState<FlashbarProps.MessageDefinition[]>([]);
  const dismiss = useCallback((id: string) => setItems((shown) => shown.filter((item) => item.id !== id)), []);
  const notify = useCallback<Notify>(
    ({ id = crypto.randomUUID(), ...notification }) => {
      const item: FlashbarProps.MessageDefinition = {
        ...notification,
        id,
        dismissible: true,
        dismissLabel: "Dismiss",
        onDismiss: () => dismiss(id),
        ariaRole: notification.type === "error" ? "alert" : "status",
      };
      setItems((shown) => [item, ...shown.filter((other) => other.id !== id)]);
      if (notification.type === "success" || notification.type === "info") {
        window.setTimeout(() => dismiss(id), SHOWN_MS);
      }
    },
    [dismiss],
  );
  return (
    <NotifyContext value={notify}>
      <ItemsContext value={items}>{children}</ItemsContext>
    </NotifyContext>
  );
}

export function useNotify(): Notify {
  const notify = useContext(NotifyContext);
  if (notify === null) throw new Error("useNotify is outside NotificationsProvider.");
  return notify;
}

/** The notifications, where the layout wants them. */
export function Notifications() {
  const items = useContext(ItemsContext);
  return useMemo(() => <Flashbar items={items} stackItems={items.length > 2} />, [items]);
}

import TopNavigation, { type TopNavigationProps } from "@cloudscape-design/components/top-navigation";

import icon from "@/app/icon.svg";
import { APPEARANCES, type Appearance, useAppearance } from "@/shared/appearance";
import { useCaller } from "@/shared/authentication/caller";
import { useServedModels } from "@/shared/servedModels";

const APPEARANCE_NAMES: Record<Appearance, string> = { system: "Use system setting", light: "Light", dark: "Dark" };

/** Name, connection, appearance, and the person who is signed in. */
export function TopBar({ onHome }: { onHome: () => void }) {
  const [appearance, setAppearance] = useAppearance();
  return (
    <TopNavigation
      identity={{
        href: "#/",
        title: "LISA",
        logo: { src: icon, alt: "" },
        onFollow: (event) => {
          event.preventDefault();
          onHome();
        },
      }}
      utilities={[useConnection(), appearanceMenu(appearance, setAppearance), ...usePersonMenu()]}
      i18nStrings={{ overflowMenuTriggerText: "More", overflowMenuTitleText: "All" }}
    />
  );
}

function HalfDisc() {
  return (
    <svg viewBox="0 0 16 16" focusable="false" aria-hidden="true">
      <circle cx="8" cy="8" r="6" fill="none" />
      <path d="M8 2a6 6 0 0 1 0 12z" className="filled" />
    </svg>
  );
}

/** Whether the gateway answers; a click asks it again. */
function useConnection(): TopNavigationProps.Utility {
  const { isError, isPending, refetch } = useServedModels();
  const text = isError ? "Disconnected" : isPending ? "Connecting" : "Connected";
  return {
    type: "button",
    text,
    iconName: isError ? "status-negative" : isPending ? "status-pending" : "status-positive",
    ariaLabel: `Gateway: ${text}. Check again`,
    disableUtilityCollapse: true,
    onClick: () => void refetch(),
  };
}

function appearanceMenu(
  appearance: Appearance,
  setAppearance: (appearance: Appearance) => void,
): TopNavigationProps.Utility {
  return {
    type: "menu-dropdown",
    iconSvg: <HalfDisc />,
    ariaLabel: "Appearance",
    title: "Appearance",
    text: "Appearance",
    disableTextCollapse: false,
    items: APPEARANCES.map((id) => ({
      id,
      itemType: "checkbox" as const,
      text: APPEARANCE_NAMES[id],
      checked: id === appearance,
    })),
    onItemClick: ({ detail }) => setAppearance(detail.id as Appearance),
  };
}

function usePersonMenu(): TopNavigationProps.Utility[] {
  const { name, email, isAdmin, signedIn, signOut } = useCaller();
  if (!signedIn) return [];
  return [
    {
      type: "menu-dropdown",
      text: name,
      iconName: "user-profile",
      description: [email, isAdmin ? "Administrator" : null].filter(Boolean).join(" · "),
      items: [{ id: "sign-out", text: "Sign out" }],
      onItemClick: signOut,
    },
  ];
}

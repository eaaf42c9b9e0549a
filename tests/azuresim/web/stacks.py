"""
The runtimes that function apps and web apps can be made with.

Source: REST reference, "Provider - Get Function App Stacks" and "Provider - Get Web App Stacks" (shape of the samples).
A short list: what runs in a simulated app is not looked at.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

JSON = dict[str, Any]


@dataclass(frozen=True)
class Stack:
    """One language, by its name in `FUNCTIONS_WORKER_RUNTIME` and in `linuxFxVersion`."""

    name: str
    text: str
    fx: str
    versions: tuple[str, ...]
    windows: bool = False


STACKS = (
    Stack("dotnet-isolated", ".NET", "DOTNET-ISOLATED", ("8.0", "9.0"), windows=True),
    Stack("node", "Node.js", "Node", ("20", "22"), windows=True),
    Stack("python", "Python", "Python", ("3.11", "3.12", "3.13")),
    Stack("java", "Java", "Java", ("17.0", "21.0"), windows=True),
    Stack("powershell", "PowerShell", "PowerShell", ("7.4",), windows=True),
)


def stacks(kind: str) -> list[JSON]:
    """All of them, as items of `functionAppStacks` or its like."""
    return [
        {
            "id": None,
            "name": one.name,
            "type": f"Microsoft.Web/{kind}",
            "properties": {
                "displayText": one.text,
                "value": one.name,
                "preferredOs": "windows" if one.windows else "linux",
                "majorVersions": [major(one, version) for version in one.versions],
            },
        }
        for one in STACKS
    ]


def major(stack: Stack, version: str) -> JSON:
    text = f"{stack.text} {version}"
    minor = {"displayText": text, "value": version, "stackSettings": settings(stack, version)}
    return {"displayText": text, "value": version, "minorVersions": [minor]}


def settings(stack: Stack, version: str) -> JSON:
    linux = runtime(stack, version, f"{stack.fx}|{version}", {"linuxFxVersion": f"{stack.fx}|{version}"})
    windows = {"windowsRuntimeSettings": runtime(stack, version, version, {})} if stack.windows else {}
    return {"linuxRuntimeSettings": linux, **windows}


def runtime(stack: Stack, version: str, shown: str, config: JSON) -> JSON:
    return {
        "runtimeVersion": shown,
        "isPreview": False,
        "isDeprecated": False,
        "isHidden": False,
        "isAutoUpdate": True,
        "isDefault": version == stack.versions[-1],
        "remoteDebuggingSupported": False,
        "endOfLifeDate": None,
        "appInsightsSettings": {"isSupported": True, "isDefaultOff": False},
        "gitHubActionSettings": {"isSupported": True, "supportedVersion": version},
        "appSettingsDictionary": {"FUNCTIONS_WORKER_RUNTIME": stack.name},
        "siteConfigPropertiesDictionary": {"use32BitWorkerProcess": False, **config},
        "supportedFunctionsExtensionVersions": ["~4"],
        "supportedFunctionsExtensionVersionsInfo": [{"version": "~4", "isDeprecated": False, "isDefault": True}],
    }

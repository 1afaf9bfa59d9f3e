"""A chat model as a plain function from prompt to text, for the layers below that know no chat."""

from __future__ import annotations

from collections.abc import Callable

from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import HumanMessage


def asking(model: BaseChatModel) -> Callable[[str], str]:
    """Asks the model one thing, without tools or history; what its client raises passes through."""

    def ask(prompt: str) -> str:
        return str(model.invoke([HumanMessage(prompt)]).text)

    return ask

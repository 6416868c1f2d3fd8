"""Every table there is."""

from finlink_server.storage import models, webhook_models

MODELS = (*models.MODELS, *webhook_models.MODELS)

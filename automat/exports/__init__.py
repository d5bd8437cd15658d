"""Results and trained models in the forms of other programs.

``cgcnn``: test predictions as CGCNN's ``test_results.csv``; ``mlflow_runs``: entrants as runs of MLflow;
``onnx_file``: a trained model as ONNX. Tables for papers are in :mod:`automat_leaderboards.export`, Matbench
submissions in :mod:`automat.matbench_submission`.
"""
